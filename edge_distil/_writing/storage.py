"""Writing that leaves either the whole result or nothing."""

from __future__ import annotations

import errno
import itertools
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from edge_distil._writing import locks
from edge_distil.errors import EdgeDistilError, StorageError
from edge_distil.manifest import FileRecord

if TYPE_CHECKING:
    import hashlib

# What the operating system says, with what to do about it.
_REASONS: dict[int, str] = {
    errno.ENOSPC: "no space is left on the device: free some, or choose another path",
    errno.EDQUOT: "the disk quota is used up: free some space, or choose another path",
    errno.EACCES: "permission denied: choose a path that you may write to",
    errno.EPERM: "operation not permitted: choose a path that you may write to",
    errno.EROFS: "the file system is read-only: choose a path that you may write to",
    errno.EFBIG: "the file is larger than this process may write: raise the limit (ulimit -f)",
    errno.ENOTDIR: "a parent of the path is a file: choose another path",
    errno.EEXIST: "a parent of the path is a file: choose another path",
    errno.EISDIR: "it is a directory: choose another path",
    errno.ENOTEMPTY: "another process has written there meanwhile: choose another path",
    errno.EBUSY: "it is in use or a mount point: choose another path",
    errno.ELOOP: "its symbolic links go in a circle: choose another path",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}
# Of writing itself, which names no file: `write` and `truncate` know a descriptor only.
_OF_WRITING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
_CUT_SHORT = "requested and"  # numpy's tofile: "10 requested and 3 written", without a number
_CHUNK = 1 << 20  # bytes read at a time when hashing
_LITTLE = 1 << 20  # bytes; of more, OpenSSL's hash saves what it costs to load
# What is hidden beside a path while it is made: the user knows the path alone.
_HIDDEN = re.compile(r"\.(.+)\.(parts|training|smaller|stdin-[0-9a-f]{16}\.\w+)")


def sha256(path: Path) -> str:
    """Return the file's sha256 as 64 hexadecimal digits."""
    digest = _new_sha256(path.stat().st_size)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _new_sha256(size: int) -> hashlib._Hash:
    """Return a sha256 to be fed; for little, Python's own, which it has without OpenSSL as well.

    OpenSSL's is five times as fast and costs 3 ms and 3 MB to load: not for a tokenizer's files.
    """
    little = size <= _LITTLE and "_hashlib" not in sys.modules
    for name in ("_sha2", "_sha256") if little else ():  # since Python 3.12; before
        with suppress(ImportError, ValueError):  # which a build for FIPS may raise
            return import_module(name).sha256()  # type: ignore[no-any-return]
    import hashlib

    return hashlib.sha256()


def record(root: Path, path: Path) -> FileRecord:
    """Describe `path` as the manifest of the bundle at `root` does."""
    return FileRecord(path.relative_to(root).as_posix(), path.stat().st_size, sha256(path))


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing `path` into one clear line.

    An error that names a file elsewhere passes as it is: it has another cause.

    Raises:
        StorageError: An `OSError` that is about writing `path` arose inside the block.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, EdgeDistilError) or not _is_about(error, path):
            raise
        raise StorageError(f"cannot write {as_named(path)}: {_reason(error)}") from error


def as_named(path: Path) -> Path:
    """Return what a user named of a path that may be hidden beside it.

    >>> as_named(Path("out/.v.npy.parts/00000001.npy")).as_posix()
    'out/v.npy'
    """
    for hidden in (path, *path.parents):
        if found := _HIDDEN.fullmatch(hidden.name):
            return hidden.with_name(found[1])
    return path


def _is_about(error: OSError, path: Path) -> bool:
    """Return whether an error is about a path, what is in it, beside it for it, or above it."""
    names = [
        os.fsdecode(n) for n in (error.filename, error.filename2) if isinstance(n, str | bytes)
    ]
    if not names:
        return error.errno in _OF_WRITING or _CUT_SHORT in str(error)
    place = Path(os.path.abspath(path))
    return any(_belongs(Path(os.path.abspath(name)), place) for name in names)


def _belongs(name: Path, place: Path) -> bool:
    if name in (place, *place.parents):
        return True
    if not name.is_relative_to(place.parent):
        return False
    first = name.relative_to(place.parent).parts[0]
    return first == place.name or first.startswith(f".{place.name}.")


def _reason(error: OSError) -> str:
    if error.errno is None:
        return "the write ended early, as when no space is left: free some, or choose another path"
    unknown = f"{error.strerror or error}: choose another path"
    return _REASONS.get(error.errno, unknown)


def make_folder(path: Path) -> None:
    """Make a directory and its parents, unless they are there.

    Raises:
        StorageError: They cannot be made.
    """
    with storage_errors(path):
        if path.is_dir():
            return
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # a file system that makes no directories, as /proc
            raise StorageError(
                f"cannot make the directory {as_named(path)}: its file system takes none; choose "
                "another path"
            ) from error


@contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """Make the directory that is to hold `path`; where the block fails, what was made goes again.

    What is not empty by then, as it holds what is kept to go on from, stays.

    Raises:
        StorageError: It cannot be made.
    """
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        make_folder(path.parent)
        yield
    except BaseException:
        for folder in made:  # the innermost first
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and move it there when the block ends well.

    The temporary file is there, empty and locked: what is written goes into it, for a file that
    takes its place has no lock. What a killed process left is taken over by the next one.

    Raises:
        StorageError: The place cannot be written; `path` is as it was.
    """
    with storage_errors(path):
        make_folder(path.parent)
        temporary, lock = _claim(path)
        try:
            yield temporary
            if os.name == "nt":  # renames no file that is open
                lock.close()
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        finally:
            lock.close()


def _claim(path: Path) -> tuple[Path, ExitStack]:
    """Take a temporary name beside `path`, with the lock that keeps others from it.

    Where there are no locks the name is random, and no process's number: two machines that share
    the place may have the same.
    """
    for number in itertools.count(1):
        temporary = path.with_name(f".{path.name}.{number}.part")
        found = locks.take(temporary)
        if found is None:
            return path.with_name(f".{path.name}.{os.urandom(8).hex()}.part"), ExitStack()
        if isinstance(found, int):
            lock = ExitStack()
            lock.callback(os.close, found)
            os.ftruncate(found, 0)
            return temporary, lock
    raise AssertionError  # the numbers do not end
