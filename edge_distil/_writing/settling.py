"""Readers of a bundle that a writer may replace or add to meanwhile: never half of each."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, TypeVar, cast

from edge_distil import calls
from edge_distil._machine.failures import lacks_memory
from edge_distil._writing import locks, staging
from edge_distil._writing.storage import storage_errors
from edge_distil.errors import BundleCorrupt, BundleError, EdgeDistilError, OutOfMemory, reason
from edge_distil.manifest import FILE_NAME

_TRIES = 5  # more than a single writer can spoil
_Reader = TypeVar("_Reader", bound=Callable[..., Any])  # its first argument is the path


def settled(read: _Reader) -> _Reader:
    """Let a function that opens a bundle by its path open all of one state of it.

    Where the manifest is another one afterwards, what was read, or the error that arose, may
    come from both: the function is called again, in the end under the lock of the writers. A
    replacement whose process was killed is ended first.

    Raises:
        BundleError: The bundle is being replaced, and this process may not go on with it; or the
            system does not let it read a file.
        OutOfMemory: The system has not the memory for it.
        StorageError: It changes all the time, and this process may not keep the writers out.
    """

    @functools.wraps(read)
    def settled_read(path: str | Path, **options: Any) -> Any:
        path = calls.path(path, "path")
        for _ in range(_TRIES):
            _end_replacement(path)
            before = _state(path)
            try:
                result = read(path, **options)
            except (EdgeDistilError, OSError) as error:
                if _state(path) == before and not staging.unfinished(path):
                    if isinstance(error, EdgeDistilError):
                        raise
                    raise _unreadable(path, error) from error
                continue
            if _state(path) == before:
                return result
        with storage_errors(path), locks.hold(locks.inside(path), path, wait=inf):
            return read(path, **options)

    return cast(_Reader, settled_read)


def _state(path: Path) -> tuple[int, ...] | None:
    """Return what tells one manifest from the next; each is a new file.

    Its number alone does not: it is given again. And the time of the last change is copied.
    """
    try:
        found = os.stat(path / FILE_NAME)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_mtime_ns, found.st_size


def _end_replacement(path: Path) -> None:
    from edge_distil._writing.ownership import check_leftover  # which imports what is defined here

    try:
        staging.recover(path, check_leftover)
    except OSError as error:
        raise BundleCorrupt(
            f"{path} is being replaced, or was when a process was killed, and cannot be completed "
            f"from here ({reason(error)}): try again, or export it again"
        ) from error


def _unreadable(path: Path, error: OSError) -> EdgeDistilError:
    if lacks_memory(error):
        return OutOfMemory(
            f"there is not the memory to load {path}: free some, raise the limit (ulimit -v), or "
            "take a smaller variant"
        )
    file = os.fsdecode(error.filename) if error.filename else path
    return BundleError(
        f"{file} cannot be read ({error.strerror or error}): check that you may read it, or copy "
        "the bundle again"
    )
