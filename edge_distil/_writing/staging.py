"""Directories that take their place as a whole, or not at all, also where the process is killed.

A new directory is made beside its place, ``.NAME.<16 digits>.part``, and renamed. One that
replaces another changes places with it in one step (`exchange`). Where that cannot be (no such
call, a mount point, the working directory, a parent that takes no new files) it is made inside,
``.edge_distil.<16 digits>.part``, and moved up:

1. renamed to ``.clearing``: from here on what is there gives way, into the ``.old`` in it;
2. renamed to ``.ready``: from here on its entries move up, the manifest last.

A process that is killed in between leaves that name, and `recover` goes on from it. All this
happens under the lock of the place, so its holder may remove every ``.part`` that it finds.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from math import inf
from pathlib import Path

from edge_distil._writing import locks
from edge_distil._writing.exchange import exchange
from edge_distil._writing.storage import folder_for, storage_errors
from edge_distil.errors import BundleExists, EdgeDistilError, PlaceBusy, StorageError
from edge_distil.manifest import FILE_NAME

_INSIDE = "edge_distil"  # in place of the name, for what is made inside
_HIDDEN = re.compile(rf"\.{_INSIDE}\.(lock|[0-9a-f]{{16}}\.(part|clearing|ready))")
_OLD = ".old"  # in a directory that is clearing its place
_READER_WAITS = 10.0  # seconds; the last moves of a replacement take milliseconds

Check = Callable[[Path], None]


@contextmanager
def staged_directory(path: Path, *, replaceable: Check | None = None) -> Iterator[Path]:
    """Yield a temporary directory and move it to `path` when the block ends well.

    An error inside the block, or an interruption, leaves `path` as it was. A `path` that is a
    symbolic link stays one: what it leads to is made.

    Args:
        path: The directory to make. An empty one counts as absent, and stays the directory that
            it is: a shell may be in it, or a disk mounted on it.
        replaceable: Agrees to replace what is at `path`, or raises. ``None`` agrees to nothing.

    Raises:
        BundleExists: `path` holds something, and `replaceable` is ``None``.
        PlaceBusy: Another process is making it.
        StorageError: The place cannot be written.
    """
    path = Path(os.path.realpath(path))
    with storage_errors(path):
        if replaceable is None and _left(path, "clearing"):
            _check(path, None)  # a stranger may have planted it beside what is the user's
        recover(path)
        try:
            _check_early(path, replaceable)
        except FileNotFoundError as error:  # another process replaces it just now: see the lock
            if isinstance(error, EdgeDistilError):
                raise
        make = _inside if path.is_dir() and _must_stay(path) else _beside
        with make(path, replaceable) as staged:
            yield staged


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """Yield a directory in `folder` for what is not finished; it goes after the block.

    It is on the same file system, so that what is finished can be renamed into its place. What
    killed processes left of theirs goes before it. Long work need not hold the lock of `folder`:
    each has a lock of its own.

    Raises:
        StorageError: The place cannot be written.
    """
    with storage_errors(folder), ExitStack() as lock:
        with locks.hold(locks.inside(folder), folder, wait=inf) as alone:
            if alone:
                _sweep(folder, _INSIDE)
            made = folder / _name(_INSIDE, "part")
            made.mkdir()
            lock.enter_context(locks.hold(locks.inside(made), made))
        try:
            yield made
        except Exception as error:
            if made.is_dir():
                raise
            raise StorageError(
                f"{folder} was replaced or removed by another process meanwhile: run this again"
            ) from error
        finally:
            _remove(made)


def recover(path: Path, removable: Check | None = None) -> bool:
    """Go on with a replacement whose process was killed at its end.

    Args:
        path: The directory.
        removable: Agrees that what is there still gives way, or raises: a stranger may have planted
            the name of a replacement. ``None`` agrees.

    Returns:
        True where there was one: what is at `path` has changed.

    Raises:
        PlaceBusy: Its process is alive and takes too long.
        OSError: It cannot be done, as where the place may only be read.
    """
    if not unfinished(path):
        return False
    with locks.hold(locks.inside(path), path, wait=_READER_WAITS):
        if removable and _left(path, "clearing"):
            removable(path)
        _move_up(path)
    return True


def unfinished(path: Path) -> bool:
    """Return whether a directory is being replaced, or was when a process was killed."""
    return any(_left(path, "clearing|ready"))


@contextmanager
def _beside(path: Path, replaceable: Check | None) -> Iterator[Path]:
    with folder_for(path), locks.hold(locks.beside(path), path) as alone:
        _check(path, replaceable)
        if alone:
            _sweep(path.parent, path.name)
        staged = path.with_name(_name(path.name, "part"))
        staged.mkdir()
        try:
            yield staged
            _put(staged, path, replaceable)
        finally:
            _remove(staged)


@contextmanager
def _inside(path: Path, replaceable: Check | None) -> Iterator[Path]:
    with locks.hold(locks.inside(path), path) as alone:
        _check(path, replaceable)
        if alone:
            _sweep(path, _INSIDE)
        staged = path / _name(_INSIDE, "part")
        staged.mkdir()
        try:
            yield staged
            _check(path, replaceable)
            staged.rename(staged.with_suffix(".clearing"))
        finally:
            _move_up(path)
            _remove(staged)


def clear_locks(path: Path) -> None:
    """Remove the lock files that killed processes left of a place.

    Raises:
        PlaceBusy: A process that writes there lives.
    """
    path = Path(os.path.realpath(path))
    for lock in (locks.beside(path), locks.inside(path)):
        if lock.is_file():
            try:
                with locks.hold(lock, path):
                    pass
            except PlaceBusy:
                raise
            except OSError:  # the place may only be read
                pass


def _check_early(path: Path, replaceable: Check | None) -> None:
    """Refuse what is refused anyway before there is a lock to wait for."""
    try:
        _check(path, replaceable)
    except BundleExists:
        try:
            clear_locks(path)
        except PlaceBusy:
            if replaceable is not None:  # what was seen may be half of what is being done there
                raise
        _check(path, replaceable)


def _check(path: Path, replaceable: Check | None) -> None:
    """Raise unless nothing is at `path`, or what may be replaced."""
    if not os.path.lexists(path) or (path.is_dir() and not _entries(path)):
        return
    if replaceable is None:
        raise BundleExists(
            f"{path} exists and is not empty: choose another directory, or replace it "
            "with --force (overwrite=True)"
        )
    replaceable(path)


def _must_stay(path: Path) -> bool:
    """Return whether a directory cannot give its place to another one."""
    if not _entries(path) or os.path.ismount(path) or not os.access(path.parent, os.W_OK):
        return True
    with suppress(OSError):
        return os.path.samefile(path, os.curdir)
    return False


def _put(staged: Path, path: Path, replaceable: Check | None) -> None:
    if not path.is_dir():
        staged.rename(path)
        return
    with locks.hold(locks.inside(path), path, wait=inf):  # what adds to the old one ends first
        _check(path, replaceable)
        if not exchange(staged, path):
            staged.rename(path / _name(_INSIDE, "clearing"))
            _move_up(path)


def _move_up(path: Path) -> None:
    """Do what is left of a replacement inside `path`, whose lock is held."""
    for clearing in _left(path, "clearing"):
        old = clearing / _OLD
        if old.is_symlink():  # what is here would go where a stranger wants it
            old.unlink()
        old.mkdir(exist_ok=True)
        for entry in sorted(_entries(path), key=lambda entry: entry.name != FILE_NAME):
            entry.rename(old / entry.name)
        clearing.rename(clearing.with_suffix(".ready"))
    for ready in _left(path, "ready"):
        for entry in sorted(ready.iterdir(), key=lambda entry: entry.name == FILE_NAME):
            if entry.name != _OLD:
                entry.rename(path / entry.name)
        _remove(ready, ignore_errors=False)


def _entries(path: Path) -> list[Path]:
    """Return what is in a directory, but for what is hidden in it by this module."""
    return [entry for entry in path.iterdir() if not _HIDDEN.fullmatch(entry.name)]


def _left(path: Path, kinds: str, name: str = _INSIDE) -> list[Path]:
    """Return the directories of these kinds that are hidden in `path`.

    Links are none, wherever they lead: `path` may be a stranger's bundle.
    """
    pattern = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}\.({kinds})")
    with suppress(FileNotFoundError, NotADirectoryError):
        found = [path / entry for entry in os.listdir(path) if pattern.fullmatch(entry)]
        return [entry for entry in found if entry.is_dir() and not entry.is_symlink()]
    return []


def _sweep(folder: Path, name: str) -> None:
    """Remove what dead processes left, under the lock that the living would hold."""
    for left in _left(folder, "part", name):
        if locks.inside(left).is_file():  # a `scratch`, whose work may go on without that lock
            with (
                suppress(OSError),
                locks.hold(locks.inside(left), left),
            ):  # it may be going just now
                _remove(left)
        else:
            _remove(left)


def _remove(folder: Path, *, ignore_errors: bool = True) -> None:
    import shutil  # readers of a bundle, who remove nothing, would pay milliseconds for it

    shutil.rmtree(folder, ignore_errors=ignore_errors)


def _name(name: str, kind: str) -> str:
    return f".{name}.{os.urandom(8).hex()}.{kind}"
