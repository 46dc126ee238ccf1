"""The journal of a search: gone once the search has ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_distil._writing.journal import Journal
from edge_distil.errors import QuantizeError


@contextmanager
def open_journal(path: Path, key: Mapping[str, Any]) -> Iterator[Journal]:
    """Yield the journal at `path`; the file goes when the work is done, or proved impossible.

    An interruption or another error leaves it there for the next try.
    """
    try:
        yield Journal(path, key)
    except QuantizeError:
        path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
