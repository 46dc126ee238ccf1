"""Memory that was freed, kept for what comes next or given back to the system: glibc's choices.

Elsewhere than on Linux, and with musl, nothing is done, or nothing comes of it.

Source: mallopt(3), "M_MMAP_THRESHOLD": the dynamic threshold; malloc_trim(3).
"""

from __future__ import annotations

import ctypes
import sys

# Bytes; more than one weight of the usual sizes. Loading DistilBERT-base frees blocks of 9 MiB by
# itself, so that a process which loads it comes near this threshold anyway.
_KEPT = 10 << 20


def keep() -> None:
    """Let blocks as large as one weight lie beside each other, and be taken again when freed.

    Otherwise each comes from the system and goes back by itself while a model loads: up to a third
    more processor time for the page faults, and weights in pieces that large pages do not fit.
    glibc learns it, for the whole process and for good, from a block of that size that is freed:
    blocks of up to 10 MiB come from the heap from then on, and `give_back` returns what is free.
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
