"""How far long work is: a function that is told, or a line on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_distil._reading.printable import shown
from edge_distil.errors import InputTypeError

# Called with the number of items done and, where it is known, of all.
Progress = Callable[[int, int | None], None]


class Stage(str):
    """A line on what is being done, for those who print it, with how far that is.

    Attributes:
        name: What is being done.
        done: Parts that are done.
        total: All parts.

    >>> Stage("rounding weights", 3, 24)
    'rounding weights: 3 of 24'
    """

    name: str
    done: int
    total: int

    def __new__(cls, name: str, done: int, total: int) -> Stage:
        """Make the line."""
        line = super().__new__(cls, f"{name}: {done} of {total}")
        line.name, line.done, line.total = name, done, total
        return line


_EVERY = 0.2  # seconds between two updates of the line


@contextmanager
def counting(
    show: bool | Progress, total: int | None, unit: str = "texts"
) -> Iterator[Callable[[int], None] | None]:
    """Add up what is done and tell `show`.

    Args:
        show: Whom to tell; True keeps a line on stderr, False tells nobody.
        total: Number of all items, if known.
        unit: What the items are.

    Raises:
        InputTypeError: `show` is neither True or False nor a function.

    Yields:
        A function that is called with the number of items just done; ``None`` for nobody.
    """
    if not isinstance(show, bool) and not callable(show):
        raise InputTypeError(
            f"show_progress is {shown(show)}, expected True, False or a function of (done, total)"
        )
    if show is False:
        yield None
        return
    line = _Line(unit)
    tell = line if show is True else show
    count = 0

    def add(items: int) -> None:
        nonlocal count
        count += items
        tell(count, total)

    try:
        yield add
    finally:
        if show is True:
            line.end()


class _Line:
    """One line on stderr, written over and over."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._started = self._written = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._written < _EVERY and done != total:
            return
        self._written = now
        rate = done / max(now - self._started, 1e-9)
        of, left = "", ""
        if total is not None:
            of, left = f" of {total:,}", f", {(total - done) / rate:.0f} s left"
        line = f"\r{done:,}{of} {self._unit}, {rate:,.0f}/s{left}  "
        print(line, end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        print(file=sys.stderr)
