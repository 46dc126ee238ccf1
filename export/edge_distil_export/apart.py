"""A checkpoint and the bundle that is made of it stay apart: no output may cost the weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edge_distil.errors import InputError


def check_apart(checkpoint: Path, output: Path) -> None:
    """Check that an output neither is a checkpoint, nor holds it or anything that it links to.

    Directories are compared as the file system knows them, so that links, mounts and spellings
    of a name make no difference. An output inside the checkpoint is another directory: it is
    judged by what it holds, as any other.

    Args:
        checkpoint: A directory.
        output: The bundle's directory, which need not be there.

    Raises:
        InputError: Replacing the output would replace the checkpoint or a part of it.
    """
    if not output.exists():
        return
    if output.samefile(checkpoint):
        raise InputError(
            f"the output {output} is the checkpoint itself, which the bundle would replace: choose "
            "another directory"
        )
    for part in _parts(checkpoint):
        if any(output.samefile(parent) for parent in part.parents):
            raise InputError(
                f"the output {output} holds the checkpoint ({part}), which the bundle would "
                "replace: choose another directory"
            )


def _parts(checkpoint: Path) -> Iterator[Path]:
    """Yield the directory and the files in it as they are without links."""
    yield Path(os.path.realpath(checkpoint))
    for path in checkpoint.rglob("*"):
        if path.is_symlink():
            yield Path(os.path.realpath(path))
