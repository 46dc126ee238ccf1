"""One writer at a place: a lock that ends with its process, however that ends.

The lock is the operating system's own, on a small file that names the holder and goes when the
lock does. A killed process leaves the file but not the lock: the next holder takes it over and
removes it. So whoever holds the lock of a place knows that nobody else writes there, and that
temporary files of that place are leftovers.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_distil.errors import PlaceBusy

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FILE_NAME = ".edge_distil.lock"  # in a directory that is written to
_POLL = 0.05  # seconds between two tries
_HELD = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}  # by another process
# What file systems without locks answer, some of the network's among them.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}
_FIRST_BYTE_OFFSET = 1 << 30  # Windows locks bytes against reading: one that holds no text


def inside(folder: Path) -> Path:
    """Return the lock file of a directory that is there: it needs no right on the parent."""
    return folder / FILE_NAME


def beside(path: Path) -> Path:
    """Return the lock file of a path that may not be there yet."""
    return path.with_name(f".{path.name}.lock")


@contextmanager
def hold(
    file: Path,
    place: Path,
    *,
    wait: float = 0.0,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[bool]:
    """Hold a lock for the length of the block.

    Not for threads of one process that wait for each other, and not twice by one of them.

    Args:
        file: The lock file, `inside` or `beside` the place; its directory must be there.
        place: What is written, for messages.
        wait: Seconds to wait for another holder; ``math.inf`` waits as long as it takes.
        say: Called with one line where there is something to wait for.

    Yields:
        True, or False where the file system has no locks: then others may write here too.

    Raises:
        PlaceBusy: Another process held it for all of `wait`.
        OSError: The lock file cannot be made.
    """
    descriptor = _acquire(file, place, wait, say)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        _release(file, descriptor)


def _acquire(file: Path, place: Path, wait: float, say: Callable[[str], None]) -> int | None:
    """Return the descriptor that holds the lock, ``None`` where there are no locks."""
    deadline = time.monotonic() + wait
    said = False
    while isinstance(found := take(file), str):
        if time.monotonic() >= deadline:
            raise PlaceBusy(
                f"{found} is writing to {place}: wait until it has ended, or choose another path"
            )
        if not said:
            say(f"waiting for {found}, which is writing to {place}")
        said = True
        time.sleep(_POLL)
    return found


def take(file: Path) -> int | str | None:
    """Lock a file, made where it is absent; closing the descriptor lets go of it.

    A link or a pipe in its place goes: in a stranger's bundle it may lead to a file of the user's.

    Returns:
        The descriptor, else the holder's name, or ``None`` where there are no locks.

    Raises:
        OSError: The file cannot be made.
    """
    while True:
        descriptor = _open(file)
        try:
            _lock(descriptor)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if error.errno in _HELD:
                return holder
            if error.errno not in _NO_LOCKS:
                raise
            file.unlink(missing_ok=True)
            return None
        if _is(file, descriptor):
            _sign(descriptor)
            return descriptor
        os.close(descriptor)  # its holder removed it after it was opened: once more


def _open(file: Path) -> int:
    with suppress(FileNotFoundError):
        mode = os.lstat(file).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            file.unlink()
    return os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _release(file: Path, descriptor: int) -> None:
    """Remove the file, then let go: in this order nobody takes a file that is about to go."""
    with suppress(OSError):
        if sys.platform == "win32":  # removes no file that is open
            os.close(descriptor)
            file.unlink()
        elif _is(file, descriptor):  # not another's, where the directory itself was replaced
            file.unlink()
    if sys.platform != "win32":
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock or raise `OSError`, without waiting."""
    if sys.platform == "win32":
        os.lseek(descriptor, _FIRST_BYTE_OFFSET, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is(file: Path, descriptor: int) -> bool:
    """Return whether the file at the path is the one that is open."""
    try:
        return os.path.samestat(os.stat(file), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Say who holds the lock, for the messages of others; a full disk is no reason to stop."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        import socket  # readers of a bundle, who hold no lock, would pay milliseconds for it

        os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _holder(descriptor: int) -> str:
    with suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        if name := os.read(descriptor, 200).decode("utf-8", "replace").strip():
            return name if name.isprintable() else "another process"
    return "another process"
