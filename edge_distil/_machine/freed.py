"""Memory that was freed, given back to the system: glibc keeps what lies between other blocks.

Of a model that was let go some half stays with the process otherwise, and the next one's memory
comes on top. Elsewhere than on Linux, and with musl, nothing is done.
"""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return freed memory to the system; a millisecond or two."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
