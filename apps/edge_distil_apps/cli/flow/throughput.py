"""Progress of long work on many texts: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_distil_apps.cli import console

_EVERY = 30.0  # seconds between lines where no person watches


@contextmanager
def watch_texts(total: int, before: int) -> Iterator[Callable[[int], None]]:
    """Show how many texts are done, how many a second and the time left, on stderr.

    Args:
        total: All texts.
        before: Those that an earlier run did; they say nothing about how fast this one is.

    Yields:
        A function to call with the number of texts done since the last call.
    """
    if before:
        console.note(f"going on: {before:,} of {console.count(total, 'text')} done before")
    started = said = time.monotonic()
    done = before
    with console.progress_bar("embedding", before) as show:

        def advance(texts: int) -> None:
            nonlocal done, said
            done += texts
            now = time.monotonic()
            rate = (done - before) / max(now - started, 1e-3)
            show(done, total, f"{rate:,.0f} texts/s")
            if not console.interactive() and now - said >= _EVERY:
                said = now
                console.note(progress_line(done, total, rate))

        show(before, total)
        yield advance


def progress_line(done: int, total: int, rate: float) -> str:
    """Put progress into a line.

    >>> progress_line(2048, 100_000, 530.4)
    '2,048 of 100,000 texts (2%), 530 texts/s, 3 min left'
    """
    left = (total - done) / rate if rate else 0
    share = f"{done:,} of {console.count(total, 'text')} ({done / total:.0%})"
    return f"{share}, {rate:,.0f} texts/s, {_minutes(left)} left"


def _minutes(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
