"""Figures that took long to measure, on disk: what was interrupted goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge_distil._writing import storage


class Journal:
    """Named figures in a file, written as soon as they are known.

    Args:
        path: The file; it is made when the first figure is known. ``None`` remembers in memory.
        key: What the figures hold for; those of another key are dropped.
    """

    def __init__(self, path: Path | None, key: Mapping[str, Any]) -> None:
        self._path = path
        self._key = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        self._figures = _read(path, self._key) if path else {}

    def __contains__(self, name: str) -> bool:
        return name in self._figures

    def recall(self, name: str, measure: Callable[[], Any]) -> Any:
        """Return a figure, measuring it where it is not known yet.

        Args:
            name: Its name.
            measure: Gives plain JSON values.
        """
        if name not in self._figures:
            self._figures[name] = measure()
            self._write()
        return self._figures[name]

    def count(self, prefix: str) -> int:
        """Return how many figures have names that begin with `prefix`."""
        return sum(name.startswith(prefix) for name in self._figures)

    def forget(self) -> None:
        """Remove the file: what it holds has been used, and goes on no more."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        if self._path is not None:
            with storage.atomic_file(self._path) as temporary:
                document = {"key": self._key, "figures": self._figures}
                temporary.write_text(json.dumps(document), encoding="utf-8")


def _read(path: Path, key: str) -> dict[str, Any]:
    """Return the figures of a journal; none where it is absent, damaged or of another key."""
    if not path.is_file():  # nor a pipe, which would never end
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return dict(document["figures"]) if document["key"] == key else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
