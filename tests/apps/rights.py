"""Tests of what may not be read or written, which root may."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534  # a user without rights


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Run the block as a user whom permissions bind; `folder` is pytest's ``tmp_path``."""
    me = os.geteuid()
    for place in (folder, *folder.parents):  # pytest's are private; nobody must reach them
        if place.stat().st_uid == me and place.name.startswith(("pytest-", "popen-", "test_")):
            place.chmod(0o755)
    if me == 0:
        os.seteuid(NOBODY)  # permissions do not bind root
    try:
        yield
    finally:
        os.seteuid(me)
