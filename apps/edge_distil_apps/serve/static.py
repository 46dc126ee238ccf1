"""The page and bundles as a folder for any static host."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from edge_distil._writing import ownership, staging
from edge_distil.errors import BundleExists
from edge_distil_apps.serve.contents import INDEX, Contents, encoded

# What `write_static` writes, and `staging` while it does.
_OWN = (
    "index.html", "sw.js", "manifest.webmanifest", "icon*.png", "icon.svg", INDEX, "assets/*",
    "bundles/*", ".edge_distil.*",
)  # fmt: skip


def write_static(
    contents: Contents,
    folder: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write all that would be served into a folder, whole or not at all.

    The page's service worker sets the isolation headers there, which a static host does not.

    Args:
        contents: What is served.
        folder: The folder to make.
        force: Replace one that was written so before.
        progress: Called with the number of files written and of all.

    Returns:
        Bytes written.

    Raises:
        BundleExists: The folder is there and must not be replaced.
        StorageError: It cannot be written.
    """
    total = len(contents.files) + len(contents.made)
    with staging.staged_directory(folder, replaceable=_check if force else None) as staged:
        written = 0
        for address, file in contents.files.items():
            target = staged / (address or "index.html")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, target)
            written += 1
            if progress:
                progress(written, total)
        for address, make in contents.made.items():
            (staged / address).write_bytes(encoded(make()))
            written += 1
            if progress:
                progress(written, total)
        return sum(path.stat().st_size for path in staged.rglob("*") if path.is_file())


def _check(folder: Path) -> None:
    """Agree that a folder is replaced if it was written by `write_static`.

    Raises:
        BundleExists: It was not.
    """
    if not ((folder / INDEX).is_file() and (folder / "index.html").is_file()):
        raise BundleExists(
            f"{folder} was not written by edge-distil serve --static (it has no {INDEX}): --force "
            "replaces such a folder and nothing else; choose another"
        )
    ownership.check_replaceable(folder, _OWN, "what --static wrote")
