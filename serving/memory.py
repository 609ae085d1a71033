"""Keeping a serving process small: it never trains, and after its warm-up it never compiles."""

import sys
from pathlib import Path

__all__ = ["lean", "release_compiler"]

SWITCH = 0.0005  # seconds: with Python's 5 ms each return from the disk would wait that long for the other thread
ARENAS = -8  # M_ARENA_MAX of glibc's mallopt
PAGEOUT = 21  # MADV_PAGEOUT: give pages back, keep their content reachable


def lean() -> None:
    """Before numba is imported: no scipy, few arenas.

    numba loads scipy's BLAS at the first kernel though no kernel here uses it (14 MB, 0.24 s); glibc keeps an arena of
    memory for each thread.
    """
    sys.setswitchinterval(SWITCH)
    sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]
    if sys.platform == "linux":
        from ctypes import CDLL

        CDLL(None).mallopt(ARENAS, 2)


def release_compiler() -> int:
    """After the warm-up: give back the pages of the compiler's library; returns how many bytes were offered.

    They are pages of a file and come back by themselves should a kernel be compiled after all. Where the system does
    not know the call nothing happens.
    """
    if sys.platform != "linux":
        return 0
    from ctypes import CDLL, c_int, c_size_t, c_void_p

    madvise = CDLL(None, use_errno=True).madvise
    madvise.argtypes = [c_void_p, c_size_t, c_int]
    offered = 0
    for line in Path("/proc/self/maps").read_text(encoding="ascii", errors="replace").splitlines():
        if "libllvmlite" not in line:
            continue
        start, end = (int(part, 16) for part in line.split(maxsplit=1)[0].split("-"))
        if "w" not in line.split()[1] and madvise(start, end - start, PAGEOUT) == 0:
            offered += end - start
    return offered
