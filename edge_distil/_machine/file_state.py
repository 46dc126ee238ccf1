"""What tells a model file from any other that may take its place."""

from __future__ import annotations

from pathlib import Path

FileState = tuple[tuple[str, int, int, int, int], ...]


def file_state(path: Path) -> FileState | None:
    """Return what tells a model file, and weights beside it, from any other; ``None`` if absent.

    Weights stand in ``model.onnx_data``, ``model.onnx.data`` and the like.
    """
    try:
        found = sorted(file for file in path.parent.iterdir() if file.name.startswith(path.name))
        states = ((file.name, file.stat()) for file in found)
        state = tuple((n, s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for n, s in states)
        return state if path in found else None
    except OSError:
        return None
