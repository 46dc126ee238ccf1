"""What a verb has made of a bundle by the time it fails: its line says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import EdgeDistilError


@contextmanager
def named(path: Path, before: Bundle | None = None) -> Iterator[None]:
    """Let the error that ends the block say which variants the bundle holds.

    Args:
        path: The bundle.
        before: What it was when the verb began, ``None`` where the verb made it: of a bundle that
            is as it was nothing is said.

    Raises:
        EdgeDistilError: What the block raises, of its own class.
    """
    try:
        yield
    except EdgeDistilError as error:
        now = None
        with suppress(EdgeDistilError):
            now = open_bundle(path).manifest.variants
        if now is None or (before is not None and now == before.manifest.variants):
            raise
        raise type(error)(f"{error}; {path} holds {', '.join(now)}") from error
