"""Memory that was freed, kept for what comes next or given back to the system: glibc's choices.

Elsewhere than on Linux, and with musl, nothing is done, or nothing comes of it.

Source: mallopt(3), "M_MMAP_THRESHOLD": the dynamic threshold; malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_KEPT = (32 << 20) - (8 << 10)  # bytes; glibc learns from no block above 32 MiB


@cache
def keep() -> None:
    """Let blocks of up to 32 MiB lie beside each other, and be taken again when freed.

    glibc takes a large block from the system until a freed one has told it that such come often,
    and gives the heap's end back where twice that size is free: runs that free many blocks have the
    page faults of all of them again, and weights lie in pieces that large pages do not fit. It is
    told once, for the whole process, by a block that is freed. Up to 64 MiB that are free then
    stay, for each thread that ran models.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.free(library.malloc(_KEPT))  # never touched: no page of it comes to be


def give_back() -> None:
    """Return freed memory to the system: whole pages, and the end of the main thread's heap.

    It takes half a millisecond to two, more where a host's heap lies in pieces. Of a model that was
    let go some half stays with the process otherwise, and the next one's memory comes on top.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
