"""The cyclic garbage collector, held off while the exporter works."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Hold it off.

    Importing torch and tracing make millions of objects that stay, which the collector walks
    again and again: a third of the time of those stages.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
