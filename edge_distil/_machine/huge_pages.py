"""Large pages for a model's weights, where Linux has them.

For a short text a small model reads all its weights and computes little with each. From pages of
4 KiB that is an entry of the page table for every thousand float32 weights, and the processor's
table of them is too small: a query of 12 tokens takes 7 to 17 % less time with pages of 2 MiB
(all-MiniLM-L6-v2, fp32, one thread, AMD EPYC; int8, a quarter of the bytes, gains 0 to 2 %).

That is done to all memory of the process, the host's too, so it is done where it is asked for.

Source: madvise(2), ``MADV_COLLAPSE``, Linux 6.1.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "EDGE_DISTIL_HUGE_PAGES"
_MAPS = Path("/proc/self/maps")
_COLLAPSE = 25  # MADV_COLLAPSE
_PAGE = 2 << 20  # bytes


def wanted(option: bool | None) -> bool:
    """Return what a caller said or, where it said nothing, the environment: 1 is yes."""
    return os.environ.get(VARIABLE) == "1" if option is None else option


def collapse() -> None:
    """Put this process's own large memory on large pages, once; elsewhere than on Linux, nothing.

    Takes about 50 ms for 100 MB. What the kernel cannot do (an older one, for example) stays as
    it was.
    """
    if sys.platform != "linux":
        return
    madvise = ctypes.CDLL(None).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    for start, end in whole_pages(_MAPS.read_text(encoding="utf-8", errors="replace")):
        madvise(start, end - start, _COLLAPSE)


def whole_pages(maps: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last address of the large pages that fit into memory without a file.

    >>> list(whole_pages("00100000-00700000 rw-p 00000000 00:00 0   [heap]"))
    [(2097152, 6291456)]
    >>> list(whole_pages("00200000-00600000 r--p 00000000 08:02 17  /usr/lib/libc.so"))
    []

    Args:
        maps: Text of ``/proc/self/maps``.
    """
    for line in maps.splitlines():
        addresses, permissions, _, _, inode, *name = line.split(maxsplit=5)
        if permissions != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
            continue
        low, high = (int(address, 16) for address in addresses.split("-"))
        start, end = -(-low // _PAGE) * _PAGE, high // _PAGE * _PAGE
        if start < end:
            yield start, end
