"""Large pages for a model's weights, where Linux has them.

For a short text a model reads all its weights and computes little with each. From pages of 4 KiB
that is an entry of the page table for every thousand float32 weights, and the processor's table
of them is too small: BENCHMARKS.md has what pages of 2 MiB save.

Only what came to the process while the model was loaded is moved, a page after each run, which
takes some 0.2 to 5 ms: no run waits long, and a few cost nearly nothing. What the host had before
stays as it was, and so does all where the system's administrator refuses (``never``), in a process
that was forked since, and where anything of this cannot be had.

Source: madvise(2), ``MADV_COLLAPSE``, Linux 6.1; its admin guide, "Transparent Hugepage Support".
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from edge_distil._reading.printable import shown
from edge_distil.errors import InputError

VARIABLE = "EDGE_DISTIL_HUGE_PAGES"
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")  # in any case
_MAPS = Path("/proc/self/maps")
_SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
_COLLAPSE = 25  # MADV_COLLAPSE
_LARGEST = 32 << 20  # bytes; Arm's kernels of 64 KiB pages have 512 MiB, which would take a second

Range = tuple[int, int]  # first address and the one behind the last


def wanted(option: bool | None) -> bool:
    """Return what a caller said or, where it said nothing, the environment; else yes.

    Raises:
        InputError: The environment says neither yes nor no.
    """
    if option is not None:
        return option
    value = os.environ.get(VARIABLE, "")
    if value and value.lower() not in (*_YES, *_NO):
        raise InputError(
            f"{VARIABLE} is {shown(value)}, expected {_YES[0]} ({', '.join(_YES[1:])}) or "
            f"{_NO[0]} ({', '.join(_NO[1:])}): set it to one of these, or unset it"
        )
    return value.lower() not in _NO


class Mover:
    """What a model's loading brought, to be put on large pages bit by bit.

    Args:
        large_pages: Whether it is wanted; where it is not, or the system has none, nothing is done.
    """

    def __init__(self, large_pages: bool) -> None:
        self._size = _page_size() if large_pages else 0
        self._process = os.getpid()
        self._left: list[int] = []

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Note what comes while the block runs."""
        before = _memory() if self._size else None
        yield
        after = _memory() if before is not None else None
        if before is not None and after is not None:
            # The heap's first, where weights lie: what is large comes after it, on large pages.
            self._left = list(whole_pages(added(after, before), self._size))[::-1]

    def move(self) -> None:
        """Move one page, if one is left: to be called after a run."""
        if not self._left:
            return
        if os.getpid() != self._process:  # it shares them with its parent
            self._left = []
            return
        page = self._next()
        if page is not None:
            _system("madvise")(page, self._size, _COLLAPSE)

    def _next(self) -> ctypes.c_void_p | None:
        while self._left:
            with suppress(IndexError):  # another thread took the last
                page = ctypes.c_void_p(self._left.pop())
                if _is_filled(page, self._size):  # what was never touched would take memory
                    return page
        return None


def ranges(maps: str) -> list[Range]:
    """Return the memory without a file, in the order of its addresses.

    >>> ranges("00100000-00700000 rw-p 00000000 00:00 0   [heap]")
    [(1048576, 7340032)]
    >>> ranges("00200000-00600000 r--p 00000000 08:02 17  /libc.so")
    []

    Args:
        maps: Text of ``/proc/self/maps``.
    """
    found = []
    for line in maps.splitlines():
        addresses, permissions, _, _, inode, *name = line.split(maxsplit=5)
        if permissions == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            low, high = addresses.split("-")
            found.append((int(low, 16), int(high, 16)))
    return found


def added(after: Iterable[Range], before: Iterable[Range]) -> Iterator[Range]:
    """Yield what of the ranges was in none of those before; both in the order of their addresses.

    >>> list(added([(0, 10), (20, 30)], [(0, 4), (6, 8), (22, 40)]))
    [(4, 6), (8, 10), (20, 22)]
    """
    others = deque(before)
    for start, end in after:
        while others and others[0][1] <= start:
            others.popleft()
        for low, high in others:
            if low >= end:
                break
            if start < low:
                yield start, low
            start = max(start, high)
        if start < end:
            yield start, end


def whole_pages(found: Iterable[Range], size: int) -> Iterator[int]:
    """Yield the addresses of the large pages that lie in ranges whole.

    >>> list(whole_pages([(1, 10), (12, 16)], 4))
    [4, 12]
    """
    for start, end in found:
        yield from range(-(-start // size) * size, end // size * size, size)


def _memory() -> list[Range] | None:
    try:
        return ranges(_MAPS.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, MemoryError):
        return None


def _page_size() -> int:
    """Return a large page's bytes; 0 where the system has none, or gives none."""
    if sys.platform != "linux":
        return 0
    try:
        size = int(_setting("hpage_pmd_size"))
        own = f"hugepages-{size >> 10}kB/enabled"  # Linux 6.8
        enabled = [own] if (_SETTINGS / own).is_file() else []
        if size > _LARGEST or any("[never]" in _setting(name) for name in ["enabled", *enabled]):
            return 0
        return size
    except (OSError, ValueError):
        return 0


def _setting(name: str) -> str:
    return (_SETTINGS / name).read_text(encoding="utf-8")


def _is_filled(page: ctypes.c_void_p, size: int) -> bool:
    states = (ctypes.c_ubyte * (size // os.sysconf("SC_PAGE_SIZE")))()
    return _system("mincore")(page, size, states) == 0 and all(state & 1 for state in states)


@cache
def _system(name: str) -> Callable[[ctypes.c_void_p, int, object], int]:
    call = getattr(ctypes.CDLL(None), name)
    call.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        ctypes.c_int if name == "madvise" else ctypes.c_void_p,
    ]
    return call  # type: ignore[no-any-return]
