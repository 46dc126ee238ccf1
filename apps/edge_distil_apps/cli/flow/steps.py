"""Progress of steps that take minutes: a bar on a terminal, in a pipe a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_distil_apps.cli import console

_EVERY = 30.0  # seconds between lines where no person watches


@contextmanager
def step(label: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show how far a step is, on stderr.

    Args:
        label: What is going on.

    Yields:
        A function of the number of items done and of all.
    """
    said = time.monotonic()
    if not console.interactive():
        console.note(label)
    with console.progress_bar(label) as show:

        def update(done: int, total: int | None) -> None:
            nonlocal said
            show(done, total)
            now = time.monotonic()
            if not console.interactive() and now - said >= _EVERY:
                said = now
                console.note(f"{label}: {done:,} of {total:,}" if total else f"{label}: {done:,}")

        yield update
