"""What a verb has made of a bundle by the time it fails: its line says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import EdgeDistilError


@contextmanager
def noted(path: Path, before: Bundle | None = None) -> Iterator[None]:
    """Note at the error that ends the block which variants the bundle holds, where it has changed.

    Args:
        path: The bundle.
        before: What it was when the verb began, ``None`` where the verb made it.

    Raises:
        EdgeDistilError: What the block raises, with a note that `failure.tell` shows.
    """
    try:
        yield
    except EdgeDistilError as error:
        now = None
        with suppress(EdgeDistilError):
            now = open_bundle(path).manifest.variants
        if now is not None and (before is None or now != before.manifest.variants):
            error.add_note(f"{path} holds {', '.join(now)}")
        raise
