"""Writing that leaves either the whole result or nothing."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_distil.errors import BundleExists, EdgeDistilError, StorageError
from edge_distil.manifest import FileRecord

_REASONS: dict[int | None, str] = {
    errno.ENOSPC: "no space is left on the device: free some, or choose another path",
    errno.EDQUOT: "the disk quota is used up: free some space, or choose another path",
    errno.EACCES: "permission denied: choose a path that you may write to",
    errno.EPERM: "operation not permitted: choose a path that you may write to",
    errno.EROFS: "the file system is read-only: choose a path that you may write to",
    errno.EFBIG: "the file is larger than this process may write: raise the limit (ulimit -f)",
    errno.ENOTDIR: "a parent of the path is a file: choose another path",
    errno.EEXIST: "a parent of the path is a file: choose another path",
    # numpy's tofile gives no number
    None: "the write ended early, as when no space is left: free some, or choose another path",
}
_CHUNK = 1 << 20  # bytes read at a time when hashing


def sha256(path: Path) -> str:
    """Return the file's sha256 as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def record(root: Path, path: Path) -> FileRecord:
    """Describe `path` as the manifest of the bundle at `root` does."""
    return FileRecord(path.relative_to(root).as_posix(), path.stat().st_size, sha256(path))


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about writing `path` into one clear line.

    Raises:
        StorageError: An `OSError` that is about writing arose inside the block.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, EdgeDistilError) or error.errno not in _REASONS:
            raise
        raise StorageError(f"cannot write {path}: {_REASONS[error.errno]}") from error


def make_folder(path: Path) -> None:
    """Make a directory and its parents, unless they are there.

    Raises:
        StorageError: They cannot be made.
    """
    with storage_errors(path):
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # a file system that makes no directories, as /proc
            raise StorageError(
                f"cannot make the directory {path}: its file system takes none; choose another path"
            ) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and move it there when the block ends well.

    Raises:
        StorageError: The place cannot be written; `path` is as it was.
    """
    # not the process's number: two machines that share the place may have the same
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    with storage_errors(path):
        make_folder(path.parent)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            with suppress(OSError):
                temporary.unlink()


@contextmanager
def staged_directory(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary directory beside `path` and move it there when the block ends well.

    An error inside the block, or an interruption, leaves `path` as it was.

    Args:
        path: The directory to make. An empty one counts as absent.
        overwrite: Replace what is there.

    Raises:
        BundleExists: `path` holds something and `overwrite` is False.
        StorageError: The place cannot be written.
    """
    with storage_errors(path):
        if not overwrite and path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise BundleExists(
                f"{path} exists and is not empty: choose another directory, or overwrite it "
                "(--force, overwrite=True)"
            )
        make_folder(path.parent)
        staged = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        try:
            staged.chmod(0o755)  # mkdtemp makes it private; a bundle is like any other directory
            yield staged
            _swap(staged, path)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _swap(staged: Path, path: Path) -> None:
    """Put `staged` in the place of `path`; the old one goes only when the new one stands."""
    if not path.exists():
        os.replace(staged, path)
        return
    old = staged.with_suffix(".old")
    os.replace(path, old)
    try:
        os.replace(staged, path)
    except OSError:
        os.replace(old, path)
        raise
    shutil.rmtree(old) if old.is_dir() else old.unlink()
