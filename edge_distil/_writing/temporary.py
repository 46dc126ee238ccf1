"""A folder for temporary files that the next run of a killed one finds, and empties."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_distil._writing.storage import make_folder

_VARIABLE = "TMPDIR"
# The folders in use, the last one on top; under them what was there before, and the variable.
_folders: list[Path] = []
_before: list[str | None] = [None, None]


@contextmanager
def temporaries_in(folder: Path) -> Iterator[None]:
    """Let this process and those it starts make their temporary files in a folder, for a while.

    In the system's, what a killed process leaves would stay. Of several threads the last one that
    has come and is still there decides for all.

    Args:
        folder: Emptied at the start and removed at the end; nobody else uses it.

    Raises:
        StorageError: It cannot be made.
    """
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    folder = folder.absolute()
    if not _folders:
        _before[:] = tempfile.tempdir, os.environ.get(_VARIABLE)
    _folders.append(folder)
    _use_last()
    try:
        yield
    finally:
        _folders.remove(folder)
        _use_last()
        _forget(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _forget(folder: Path) -> None:
    """Take out of the environment what libraries put there of a folder that goes.

    torch keeps the place of its compiler's cache there, and would make it anew beside the user's
    files.
    """
    inside = f"{folder}{os.sep}"
    for name in [name for name, value in os.environ.items() if value.startswith(inside)]:
        del os.environ[name]


def _use_last() -> None:
    last = str(_folders[-1]) if _folders else None
    tempfile.tempdir, variable = (last, last) if last else _before
    if variable is None:
        os.environ.pop(_VARIABLE, None)
    else:
        os.environ[_VARIABLE] = variable
