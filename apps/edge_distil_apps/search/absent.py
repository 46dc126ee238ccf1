"""What stands where an index was expected."""

from __future__ import annotations

import shlex
from pathlib import Path

from edge_distil.errors import InputError


def no_index(folder: Path, database: str) -> InputError:
    """Return the error that says why a path is no index, and what to do.

    Args:
        folder: What was given.
        database: The name of an index's database.
    """
    if folder.is_file():
        if folder.name == database:
            return InputError(f"{folder} is a file of an index: give its directory {folder.parent}")
        return InputError(
            f"{folder} is a file, expected an index: give the directory that `edge-distil search "
            "--build DIR -o INDEX --bundle BUNDLE` wrote"
        )
    if folder.is_dir() and any(folder.iterdir()):
        index = folder.with_name(f"{folder.absolute().name}.index")
        command = shlex.join(["edge-distil", "search", "--build", str(folder), "-o", str(index)])
        return InputError(
            f"{folder} is not an index ({database} is missing), and holds other files: if these "
            f"are the texts, make an index with: {command} --bundle BUNDLE"
        )
    return InputError(
        f"no index at {folder} ({database} is missing): make one with: "
        f"edge-distil search --build DIR -o {shlex.quote(str(folder))} --bundle BUNDLE"
    )
