"""Find a process's file operations as they happen, and end it at the n-th.

Python announces each before it does it (``sys.addaudithook``), so a kill at operation n leaves
the disk as it is between n-1 and n. Operations outside the watched directory do not count.
What native code opens by itself (SQLite, Arrow) is not announced.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Event -> which of its arguments are paths, and which the descriptors of their directories.
_PATHS: dict[str, tuple[tuple[int, int | None], ...]] = {
    "open": ((0, None),),
    "os.chmod": ((0, 2),),
    "os.link": ((0, 2), (1, 3)),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "sqlite3.connect": ((0, None),),
}


class Operations:
    """The file operations of this process below a directory.

    Args:
        root: The directory.
        kill_at: Number of the operation, from 1, before which the process ends by SIGKILL;
            ``None`` lets it live.
    """

    def __init__(self, root: Path, kill_at: int | None) -> None:
        self.seen: list[str] = []
        self._root = root.resolve()
        self._kill_at = kill_at
        self._numbers = itertools.count(1)

    def watch(self) -> None:
        """Begin; an audit hook cannot be taken away again."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _PATHS:
            return
        if event == "open" and not (arguments[2] or 0) & _WRITING:
            return
        paths = [_path(arguments, *places) for places in _PATHS[event]]
        inside = [path for path in paths if path is not None and path.is_relative_to(self._root)]
        if not inside:
            return
        if next(self._numbers) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        names = " -> ".join(path.relative_to(self._root).as_posix() for path in inside)
        self.seen.append(f"{event.removeprefix('os.')} {names}")


def _path(arguments: Sequence[Any], place: int, directory: int | None) -> Path | None:
    """Return a path without resolving its last part; ``None`` for a descriptor."""
    name = arguments[place]
    if not isinstance(name, str | bytes | os.PathLike):
        return None
    path = os.fsdecode(name)
    descriptor = arguments[directory] if directory is not None else -1
    if not os.path.isabs(path) and isinstance(descriptor, int) and descriptor >= 0:
        path = os.path.join(os.readlink(f"/proc/self/fd/{descriptor}"), path)
    path = os.path.abspath(path)
    return Path(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
