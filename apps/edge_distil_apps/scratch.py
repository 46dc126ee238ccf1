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


@contextmanager
def scratch(folder: Path) -> Iterator[None]:
    """Let this process and those it starts make their temporary files in a folder, for a while.

    In the system's, what a killed process leaves would stay.

    Args:
        folder: Emptied at the start and removed at the end; its caller holds a lock.

    Raises:
        StorageError: It cannot be made.
    """
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    before, variable = tempfile.tempdir, os.environ.get(_VARIABLE)
    tempfile.tempdir = os.environ[_VARIABLE] = str(folder.absolute())
    try:
        yield
    finally:
        tempfile.tempdir = before
        os.environ.pop(_VARIABLE)
        if variable is not None:
            os.environ[_VARIABLE] = variable
        shutil.rmtree(folder, ignore_errors=True)
