"""Memory that was freed, kept for what comes next or given back to the system: glibc's choices.

Elsewhere than on Linux, and with musl, nothing is done, or nothing comes of it.

Source: mallopt(3), "M_MMAP_THRESHOLD": the dynamic threshold; malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import sys

_KEPT = (32 << 20) - (8 << 10)  # bytes; glibc learns from no block above 32 MiB


def keep() -> None:
    """Let blocks of up to 32 MiB lie beside each other, and be taken again when freed.

    Otherwise each comes from the system and goes back by itself: runs of changing length have the
    page faults of all their memory again and again, a seventh of the time at 384 tokens, and
    weights lie in pieces that large pages do not fit. glibc learns it, for the whole process and
    for good, from a block of that size that is freed. What is free at the end of the heap goes back
    to the system above 64 MiB, and all that is free with `give_back`.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.free(library.malloc(_KEPT))  # never touched: no page of it comes to be


def give_back() -> None:
    """Return freed memory to the system; a millisecond or two.

    Of a model that was let go some half stays with the process otherwise, and the next one's memory
    comes on top.
    """
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
