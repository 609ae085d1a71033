"""The folder of a bundle on disk: written whole or not at all, read with every byte checked against its manifest."""

from collections.abc import Mapping
from hashlib import sha256
from json import JSONDecodeError, dumps, loads
from math import prod
from mmap import ACCESS_COPY, mmap
from os import fsync
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from model.errors import BundleError

__all__ = ["MANIFEST", "WEIGHTS", "content_version", "read_archive", "write_archive"]

MANIFEST, WEIGHTS = "manifest.json", "weights.safetensors"
_TYPES = {"U64": np.uint64, "I32": np.int32, "F32": np.float32, "I8": np.int8}
_REMEDY = "fetch or train the bundle again"


def content_version(manifest: Mapping[str, Any]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of everything in the manifest but `version` and `created`.

    >>> content_version({"format": 1, "created": "today"}) == content_version({"format": 1, "version": "x"})
    True
    """
    said = {key: value for key, value in manifest.items() if key not in ("version", "created")}
    return sha256(dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def write_archive(
    folder: Path, manifest: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], extra: Mapping[str, bytes]
) -> str:
    """Write a bundle's folder through a temporary one beside it and return its version; an old folder is replaced."""
    from safetensors.numpy import save

    files = {WEIGHTS: save(dict(arrays)), **extra}
    whole = {**manifest, "files": {name: sha256(data).hexdigest() for name, data in sorted(files.items())}}
    whole["version"] = content_version(whole)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{uuid4().hex}")
    fresh.mkdir()
    try:
        for name, data in files.items():
            _write(fresh / name, data)
        text = dumps(whole, ensure_ascii=False, indent=1, allow_nan=False)
        _write(fresh / MANIFEST, f"{text}\n".encode())
        _swap(fresh, folder)
    except BaseException:
        rmtree(fresh, ignore_errors=True)
        raise
    return str(whole["version"])


def read_archive(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]], dict[str, bytes]]:
    """The manifest, the arrays and the other files of a bundle's folder; BundleError says what is wrong with it.

    The arrays are mapped from the file, so that all processes that open a bundle share one copy in memory; writing to
    one makes a copy of that page and leaves the file alone. A bundle is replaced by a new folder, never in place.
    """
    try:
        manifest = loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise BundleError(f"{folder} holds no {MANIFEST}: name a folder that `kesu train --out` wrote.") from None
    except (OSError, UnicodeDecodeError, JSONDecodeError) as error:
        raise BundleError(f"{folder / MANIFEST} cannot be read ({error}): {_REMEDY}.") from error
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or WEIGHTS not in files:
        raise BundleError(f"{folder / MANIFEST} lists no {WEIGHTS}: {_REMEDY}.")
    if any(Path(name).name != name or name in ("", ".", "..", MANIFEST) or "\\" in name for name in files):
        raise BundleError(f"{folder / MANIFEST} names a file outside its folder: do not use this bundle; {_REMEDY}.")
    there = {path.name for path in folder.iterdir()} - {MANIFEST}
    if there != set(files):
        odd = sorted(there ^ set(files))[0]
        what = "a file its manifest does not list" if odd in there else "no file"
        raise BundleError(f"{folder} holds {what} {odd!r}: remove it or {_REMEDY}.")
    data: dict[str, Any] = {}
    for name, digest in files.items():
        try:
            data[name] = _map(folder / name) if name == WEIGHTS else (folder / name).read_bytes()
        except OSError as error:
            raise BundleError(f"{folder / name} cannot be read ({error}): {_REMEDY}.") from error
        if sha256(data[name]).hexdigest() != digest:
            raise BundleError(f"{folder / name} is not the file its manifest describes: {_REMEDY}.")
    if manifest.get("version") != content_version(manifest):
        raise BundleError(f"{folder / MANIFEST} was changed after it was written: {_REMEDY}.")
    try:
        return manifest, _arrays(data.pop(WEIGHTS)), data
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{folder / WEIGHTS} is damaged ({error!r}): {_REMEDY}.") from error


def _map(path: Path) -> Any:
    with path.open("rb") as file:
        file.seek(0, 2)
        return mmap(file.fileno(), 0, access=ACCESS_COPY) if file.tell() else b""


def _arrays(data: Any) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file in place: 8 bytes say how long its header is, which says where each lies."""
    start = 8 + int.from_bytes(data[:8], "little")
    arrays = {}
    for name, said in loads(data[8:start]).items():
        if name != "__metadata__":
            begin, end = said["data_offsets"]
            kind, shape = np.dtype(_TYPES[said["dtype"]]), tuple(said["shape"])
            if end - begin != prod(shape) * kind.itemsize or (start + begin) % kind.itemsize:
                raise ValueError(f"the array {name!r} has another size than it says")
            arrays[name] = np.frombuffer(data, kind, prod(shape), start + begin).reshape(shape)
    return arrays


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        fsync(file.fileno())  # a folder that is there after a power cut is whole


def _swap(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
        return
    if folder.is_dir() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise BundleError(f"{folder} holds something that is no bundle: name a new folder with --out.")
    old = folder.with_name(f".{folder.name}.{uuid4().hex}.old")
    folder.rename(old)
    fresh.rename(folder)
    rmtree(old)
