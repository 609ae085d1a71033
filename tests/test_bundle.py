"""A bundle is data: it opens only as it was written, answers as it did, and carries nothing of its training texts."""

import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from model import Bundle, load_bundle
from model.archive import MANIFEST, WEIGHTS, content_version
from model.classifier import ComplaintClassifier
from model.errors import BundleError
from tests.matters import CELLS, TEXTS

BUNDLE = Bundle(ComplaintClassifier(folds=3).fit(TEXTS, CELLS))
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    BUNDLE.save(tmp_path / "bundle", created="2026-10-14T12:00:00+08:00", extra={"card.json": b"{}"})
    return tmp_path / "bundle"


def reseal(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and give it the hashes that belong to it, as a careful forger would."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["files"][WEIGHTS] = sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    change(manifest)
    manifest["version"] = content_version(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")


def change_arrays(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    arrays = load((folder / WEIGHTS).read_bytes())
    change(arrays)
    (folder / WEIGHTS).write_bytes(save(arrays))
    reseal(folder, lambda manifest: None)


def test_what_is_opened_answers_as_what_was_saved(folder: Path) -> None:
    opened = load_bundle(folder)
    assert opened.heads == BUNDLE.heads
    assert opened.version == BUNDLE.version
    assert opened.extra == {"card.json": b"{}"}
    for head, chances in BUNDLE.predict_proba(TEXTS).items():
        assert opened.predict_proba(TEXTS)[head].tobytes() == chances.tobytes()
    assert opened.predict(TEXTS) == BUNDLE.predict(TEXTS)


def test_predictions_do_not_depend_on_the_batch(folder: Path) -> None:
    opened = load_bundle(folder)
    texts = [*TEXTS, "快递慢，而且客服态度差", "😡" * 9]
    assert opened.predict(texts) == [opened.predict([text])[0] for text in texts]
    assert opened.predict([]) == []
    assert opened.predict_proba([])["category"].shape == (0, 3)


def test_the_version_is_the_content(tmp_path: Path) -> None:
    first = BUNDLE.save(tmp_path / "a", created="today", extra={})
    second = BUNDLE.save(tmp_path / "b", created="tomorrow", extra={})
    third = BUNDLE.save(tmp_path / "c", created="today", extra={"note.txt": b"other"})
    assert first == second != third


def test_no_training_text_is_in_the_folder(folder: Path) -> None:
    said = (folder / MANIFEST).read_text(encoding="utf-8")
    assert [text for text in TEXTS if text in said] == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda f: (f / "extra.py").write_text("1"), "'extra.py'"),
        (lambda f: (f / "card.json").unlink(), "no file 'card.json'"),
        (lambda f: (f / "card.json").write_bytes(b"[]"), "card.json is not the file"),
        (lambda f: (f / WEIGHTS).write_bytes(b"\0" * 64), "is not the file"),
        (lambda f: (f / MANIFEST).write_text("{"), "cannot be read"),
        (lambda f: (f / MANIFEST).unlink(), "holds no manifest.json"),
        (lambda f: (f / MANIFEST).write_text("[]"), "lists no weights"),
        (lambda f: reseal(f, lambda m: m["files"].update({"../x": "0"})), "outside its folder"),
        (lambda f: reseal(f, lambda m: m.update(format=99)), "format 99"),
        (lambda f: reseal(f, lambda m: m.update(bias=[0.0])), "bias values"),
        (lambda f: reseal(f, lambda m: m["slope"].__setitem__(0, float("nan"))), "slope values"),
        (lambda f: reseal(f, lambda m: m["heads"][0]["labels"].append("别的")), "slope|bias|shift|weights"),
        (lambda f: reseal(f, lambda m: m["heads"][0].update(labels=["甲", "甲", "乙"])), "distinct labels"),
        (lambda f: reseal(f, lambda m: m["heads"][0].pop("name")), "cannot be used"),
        (lambda f: reseal(f, lambda m: m.update(limits="x")), "cannot be used"),
        (lambda f: reseal(f, lambda m: m["shift"].__setitem__(0, 3.0)), "answers .* otherwise"),
        (lambda f: change_arrays(f, lambda a: a.update(weights=a["weights"][:-1])), "weights of shape"),
        (lambda f: change_arrays(f, lambda a: a.update(weights=a["weights"].astype(np.float32))), "another type"),
        (lambda f: change_arrays(f, lambda a: a.update(marks=a["marks"][:9])), "cannot be used"),
        (lambda f: change_arrays(f, lambda a: a.pop("marks")), "cannot be used"),
    ],
)
def test_a_damaged_bundle_is_refused_with_a_remedy(folder: Path, harm: Callable[[Path], object], said: str) -> None:
    harm(folder)
    with pytest.raises(BundleError, match=said) as caught:
        load_bundle(folder)
    assert str(caught.value).endswith(".")


def test_a_changed_manifest_is_noticed(folder: Path) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(text.replace("物流配送", "物流运输"), encoding="utf-8")
    with pytest.raises(BundleError, match="was changed after it was written"):
        load_bundle(folder)


def test_the_arrays_are_mapped_and_writing_to_them_leaves_the_file(folder: Path) -> None:
    opened = load_bundle(folder)
    if sys.platform == "linux":
        assert str(folder / WEIGHTS) in Path("/proc/self/maps").read_text(encoding="utf-8")
    opened.classifier.weights_[:] = 0
    assert opened.predict(TEXTS) != BUNDLE.predict(TEXTS)
    assert load_bundle(folder).predict(TEXTS) == BUNDLE.predict(TEXTS)


def test_saving_replaces_a_bundle_whole_and_nothing_else(folder: Path) -> None:
    BUNDLE.save(folder, extra={"note.txt": b"new"})
    assert sorted(path.name for path in folder.iterdir()) == sorted([MANIFEST, WEIGHTS, "note.txt"])
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]
    mine = folder.parent / "mine"
    mine.mkdir()
    (mine / "diary.txt").write_text("keep me")
    with pytest.raises(BundleError, match="no bundle"):
        BUNDLE.save(mine)
    assert [path.name for path in mine.iterdir()] == ["diary.txt"]


def test_a_failed_save_leaves_the_old_bundle(folder: Path) -> None:
    version = load_bundle(folder).version
    with pytest.raises(OSError):
        BUNDLE.save(folder, extra={"no/such/folder.txt": b""})
    assert load_bundle(folder).version == version
    assert [path.name for path in folder.parent.iterdir()] == ["bundle"]


def test_predicting_needs_no_training_library(folder: Path) -> None:
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('sklearn', 'scipy', 'jieba', 'rjieba', 'pandas', 'torch')));"
        "from model import load_bundle; print(load_bundle(sys.argv[1]).predict(['快递慢'], explain=True)[0].model)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ran.stdout.strip() == BUNDLE.version
