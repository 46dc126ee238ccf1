"""The text files of a folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge_distil.errors import InputError

_MARKDOWN = (".md", ".markdown")
ENDINGS = (".txt", ".rst", *_MARKDOWN)


class Source(NamedTuple):
    """A text file as the folder lists it.

    Attributes:
        name: Its path inside the folder, with ``/``.
        bytes: Its size.
        modified: Nanoseconds since 1970.
    """

    name: str
    bytes: int
    modified: int

    @property
    def markdown(self) -> bool:
        """Whether it is Markdown."""
        return self.name.lower().endswith(_MARKDOWN)


def text_files(folder: Path, *, but: Path) -> list[Source]:
    """List the text files below `folder`, in order of their names; hidden folders are left out.

    Args:
        folder: Where to look.
        but: A folder to leave out: the index.

    Raises:
        InputError: There is no such folder, or no text file in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give the folder that holds the texts")
    found = sorted(source for source in _walk(folder, but.resolve()))
    if not found:
        raise InputError(
            f"{folder} holds no {', '.join(ENDINGS)} file: give a folder that holds texts"
        )
    return found


def read(folder: Path, source: Source) -> tuple[str, str]:
    r"""Read a file.

    Returns:
        Its text, lines ending in ``\n``, and the sha256 of its bytes.

    Raises:
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    data = (folder / source.name).read_bytes()
    text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return text, hashlib.sha256(data).hexdigest()


def _walk(folder: Path, but: Path) -> Iterator[Source]:
    for place, folders, files in os.walk(folder):
        folders[:] = [f for f in folders if f[0] != "." and (Path(place) / f).resolve() != but]
        for name in files:
            path = Path(place, name)
            if path.suffix.lower() in ENDINGS and path.is_file():
                state = path.stat()
                inside = path.relative_to(folder).as_posix()
                yield Source(inside, state.st_size, state.st_mtime_ns)
