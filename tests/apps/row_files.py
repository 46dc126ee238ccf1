"""Files of rows, written and read as `embed` does."""

from __future__ import annotations

from pathlib import Path

from embed_corpus import everything

from edge_distil_apps.embed.sources import open_source


def texts(path: Path, column: str | None = None, *, rows: int = 3) -> list[str | None]:
    return [row.text for row in everything(open_source(path, column=column), rows)]


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path
