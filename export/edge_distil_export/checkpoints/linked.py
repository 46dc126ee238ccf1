"""A directory of links to a checkpoint's files, where not all of them may be seen as they are."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path


def link_files(folder: Path, target: Path, *, but: Collection[str]) -> None:
    """Make a directory with links to all that another has, but for some names.

    Args:
        folder: The directory that is linked to.
        target: The new one; its parents may be missing, too.
        but: Names that are left out.
    """
    target.mkdir(parents=True)
    for path in folder.iterdir():
        if path.name not in but:
            _link(path, target / path.name)


def _link(path: Path, target: Path) -> None:
    try:
        target.symlink_to(path.resolve())
    except OSError:  # a system that lets administrators alone make links
        if path.is_dir():
            shutil.copytree(path, target)
        elif path.is_file():
            shutil.copyfile(path, target)
