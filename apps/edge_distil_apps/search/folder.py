"""The text files of a folder."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

from edge_distil.errors import InputError
from edge_distil.rows import decode

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


class Listing(NamedTuple):
    """What is in a folder.

    Attributes:
        sources: Its text files.
        unreadable: Names of files and folders inside it that are not looked at, and why.
    """

    sources: list[Source]
    unreadable: dict[str, str]

    def may_hold(self, name: str) -> bool:
        """Return whether a file that is not listed may be there all the same."""
        return any(name == one or name.startswith(f"{one}/") for one in self.unreadable)


def text_files(folder: Path, *, but: Path | None = None) -> Listing:
    """List the text files below `folder`, in order of their names; hidden folders are left out.

    Args:
        folder: Where to look.
        but: A folder to leave out: the index, if it may be there.

    Raises:
        InputError: There is no such folder, or no text file in it.
    """
    if not folder.is_dir():
        what = "is a file, expected a folder" if folder.exists() else "is not a folder"
        raise InputError(f"{folder} {what}: give the folder that holds the texts")
    found = Listing([], {})
    _walk(folder, but.resolve() if but else None, found)
    if not found.sources:
        why = "".join(
            f"; {name} cannot be read ({said})" for name, said in found.unreadable.items()
        )
        raise InputError(
            f"{folder} holds no {', '.join(ENDINGS)} file{why}: give a folder that holds texts"
        )
    found.sources.sort()
    return found


def read(folder: Path, source: Source) -> tuple[str, str]:
    r"""Read a file.

    Returns:
        Its text, lines ending in ``\n``, and the sha256 of its bytes.

    Raises:
        OSError: It cannot be read.
        RowsError: It is not text.
    """
    data = (folder / source.name).read_bytes()
    text = decode(data, "it").replace("\r\n", "\n").replace("\r", "\n")
    return text, hashlib.sha256(data).hexdigest()


def _walk(folder: Path, but: Path | None, found: Listing) -> None:
    def note(error: OSError) -> None:
        name = Path(os.fsdecode(error.filename)).relative_to(folder).as_posix()
        found.unreadable[name] = error.strerror or str(error)

    root = folder.resolve()
    for place, folders, files in os.walk(folder, onerror=note):
        folders[:] = [f for f in folders if f[0] != "." and (Path(place) / f).resolve() != but]
        for name in files:
            path = Path(place, name)
            if path.suffix.lower() not in ENDINGS:
                continue
            inside = path.relative_to(folder).as_posix()
            try:
                state = path.stat()
                if reason := _unfit(path, state, root):
                    found.unreadable[inside] = reason
                else:
                    found.sources.append(Source(inside, state.st_size, state.st_mtime_ns))
            except OSError as error:
                note(error)


def _unfit(path: Path, state: os.stat_result, root: Path) -> str:
    """Say why a file of the right name is not read; empty where it is."""
    if not stat.S_ISREG(state.st_mode):
        return "is not a regular file"
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        return "is a link that leads out of the folder"
    return ""
