"""Large pages for a model's weights, where Linux has them.

For a short text a model reads all its weights and computes little with each. From pages of 4 KiB
that is an entry of the page table for every thousand float32 weights, and the processor's table
of them is too small: BENCHMARKS.md has what pages of 2 MiB save.

Only what came while the model was loaded is moved, a page after each run, which takes some 0.2 to
5 ms: no run waits long, and a few cost nearly nothing. The host's own memory stays as it was, and
all does where the system's administrator refuses (``never``).

Source: madvise(2), ``MADV_COLLAPSE``, Linux 6.1; its admin guide, "Transparent Hugepage Support".
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

VARIABLE = "EDGE_DISTIL_HUGE_PAGES"
_MAPS = Path("/proc/self/maps")
_SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
_COLLAPSE = 25  # MADV_COLLAPSE


def wanted(option: bool | None) -> bool:
    """Return what a caller said or, where it said nothing, the environment: 0 is no."""
    return os.environ.get(VARIABLE) != "0" if option is None else option


class Mover:
    """What a model's loading brought, to be put on large pages bit by bit.

    Args:
        large_pages: Whether it is wanted; where it is not, or the system has none, nothing is done.
    """

    def __init__(self, large_pages: bool) -> None:
        self._size = _page_size() if large_pages else 0
        self._before = frozenset(pages(_maps(), self._size, whole=False)) if self._size else None
        self._left: list[int] = []

    def loaded(self) -> None:
        """Note what came since: to be called once the model is there."""
        if self._before is not None:
            self._left = sorted({*pages(_maps(), self._size, whole=True)} - self._before)

    def move(self) -> None:
        """Move one page, if one is left: to be called after a run."""
        with suppress(IndexError):  # none, or another thread took the last
            page = ctypes.c_void_p(self._left.pop())
            if _is_filled(page, self._size):  # what was never touched would take memory
                _system("madvise")(page, self._size, _COLLAPSE)


def pages(maps: str, size: int, *, whole: bool) -> Iterator[int]:
    """Yield the addresses of the large pages that lie in memory without a file.

    >>> maps = "00100000-00700000 rw-p 00000000 00:00 0   [heap]"
    >>> [hex(page) for page in pages(maps, 2 << 20, whole=True)]
    ['0x200000', '0x400000']
    >>> [hex(page) for page in pages(maps, 2 << 20, whole=False)]
    ['0x0', '0x200000', '0x400000', '0x600000']
    >>> list(pages("00200000-00600000 r--p 00000000 08:02 17  /libc.so", 2 << 20, whole=True))
    []

    Args:
        maps: Text of ``/proc/self/maps``.
        size: Of a large page, in bytes.
        whole: Those that lie in it whole; otherwise also those that it only touches.
    """
    for line in maps.splitlines():
        addresses, permissions, _, _, inode, *name = line.split(maxsplit=5)
        if permissions != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
            continue
        low, high = (int(address, 16) for address in addresses.split("-"))
        start, end = low // size, -(-high // size)
        if whole:
            start, end = -(-low // size), high // size
        yield from range(start * size, end * size, size)


def _maps() -> str:
    return _MAPS.read_text(encoding="utf-8", errors="replace")


def _page_size() -> int:
    """Return a large page's bytes; 0 where the system has none, or gives none."""
    if sys.platform != "linux":
        return 0
    try:
        refused = "[never]" in (_SETTINGS / "enabled").read_text(encoding="utf-8")
        size = int((_SETTINGS / "hpage_pmd_size").read_text(encoding="utf-8"))
        return 0 if refused or not _MAPS.is_file() else size
    except (OSError, ValueError):
        return 0


def _is_filled(page: ctypes.c_void_p, size: int) -> bool:
    states = (ctypes.c_ubyte * (size // os.sysconf("SC_PAGE_SIZE")))()
    return _system("mincore")(page, size, states) == 0 and all(state & 1 for state in states)


def _system(name: str) -> Callable[[ctypes.c_void_p, int, object], int]:
    call = getattr(ctypes.CDLL(None), name)
    call.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int if name == "madvise" else ctypes.c_void_p,
    ]
    return call  # type: ignore[no-any-return]
