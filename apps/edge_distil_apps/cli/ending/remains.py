"""What an interrupted verb leaves to go on from: it is said where it is on disk by then."""

from __future__ import annotations

from collections.abc import Callable

_asked: list[Callable[[], bool]] = []


def watch(is_there: Callable[[], bool]) -> None:
    """Name what says whether a verb that was interrupted has anything to go on from."""
    _asked.append(is_there)


def forget() -> None:
    """Begin anew, where one process runs several commands, as tests do."""
    _asked.clear()


def is_any() -> bool:
    """Return whether there is anything to go on from."""
    return any(is_there() for is_there in _asked)
