"""The cache folder: what `bench` keeps there to go on from, told from what is not ours."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from edge_distil._writing import locks
from edge_distil._writing.ownership import strangers
from edge_distil._writing.storage import storage_errors

_DIGITS = "[0-9a-f]{16}"
_MEASUREMENT = re.compile(rf"bench-{_DIGITS}\.json")
_TEMPORARIES = re.compile(rf"bench-{_DIGITS}\.tmp")
_PARTS = re.compile(rf"\.bench-{_DIGITS}\.json\.({_DIGITS}\.part|lock)")
_PEERS = "peers"
_MODEL = re.compile(rf"\.?[a-z0-9]+-[a-z0-9_]+-{_DIGITS}(\.{_DIGITS}\.part|\.lock)?")
# What the tools of other engines write for a model.
_OF_A_MODEL = (
    "*.json", "*.onnx", "*.onnx_data", "*.onnx.data", "*.txt", "*.model", "*.jinja", "model.bin",
    "head.npz",
)  # fmt: skip

UNFINISHED, MODEL, LEFTOVER = "unfinished measurement", "model of another engine", "leftover"


@dataclass(frozen=True)
class Entry:
    """Something of ours in the cache folder.

    Attributes:
        path: The file or directory.
        kind: What it is.
        bytes: What it takes.
        modified: Seconds since 1970.
    """

    path: Path
    kind: str
    bytes: int
    modified: float


def folder() -> Path:
    """Return the cache folder of this user."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "edge-distil"


def look(place: Path) -> tuple[list[Entry], list[Path]]:
    """Return what of a cache folder is ours, and what is not, each in order of the names.

    A link is nobody's of ours, wherever it leads; nor is what has one of our names and holds
    something else.
    """
    ours, others = [], []
    for path in _each(place):
        kind = _kind(path, of_peers=path.parent != place)
        if kind is None:
            others.append(path)
        else:
            ours.append(Entry(path, kind, _bytes(path), path.lstat().st_mtime))
    return ours, others


def clear(place: Path) -> list[Entry]:
    """Remove what is ours from a cache folder, and folders that are empty then.

    Returns:
        What was removed.

    Raises:
        PlaceBusy: A measurement runs; nothing was removed.
        StorageError: Something cannot be removed.
    """
    entries, _ = look(place)
    with storage_errors(place), ExitStack() as stack:
        for entry in entries:
            if entry.kind != LEFTOVER:
                stack.enter_context(locks.hold(locks.beside(entry.path), entry.path))
        for entry in entries:
            if entry.path.is_dir():
                shutil.rmtree(entry.path)
            else:
                entry.path.unlink(missing_ok=True)
    with storage_errors(place):
        for empty in (place / _PEERS, place):
            if empty.is_dir() and not empty.is_symlink() and not any(empty.iterdir()):
                empty.rmdir()
    return entries


def _each(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        return
    for path in sorted(place.iterdir()):
        if path.name == _PEERS and path.is_dir() and not path.is_symlink():
            yield from sorted(path.iterdir())
        else:
            yield path


def _kind(path: Path, *, of_peers: bool) -> str | None:
    """Say what of ours something is; ``None`` if it is not."""
    name, is_folder = path.name, path.is_dir()
    if path.is_symlink():
        return None
    if of_peers:
        if not _MODEL.fullmatch(name) or (is_folder and strangers(path, _OF_A_MODEL)):
            return None
        return MODEL if is_folder and not name.startswith(".") else LEFTOVER
    if is_folder:
        return LEFTOVER if _TEMPORARIES.fullmatch(name) else None
    if _MEASUREMENT.fullmatch(name):
        return UNFINISHED if _is_journal(path) else None
    return LEFTOVER if _PARTS.fullmatch(name) else None


def _is_journal(path: Path) -> bool:
    """Return whether a file is one of `edge_distil._writing.journal`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and set(document) == {"key", "figures"}


def _bytes(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())
