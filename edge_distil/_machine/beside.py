"""Work that runs beside other work for a moment: what loads a model leaves Python to others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Run work in a thread while the block runs, which waits for it at its end.

    Where no thread can be started, it runs when it is asked for.

    >>> with beside(lambda: 6 * 7) as answer:
    ...     question = "life"
    >>> answer()
    42

    Args:
        work: Called once.

    Yields:
        A function that returns what the work did, or raises what it raised; for after the block.
    """
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:  # raised where it is asked for
            failed.append(error)

    def result() -> T:
        if not found and not failed:
            run()
        if failed:
            raise failed[0]
        return found[0]

    thread = threading.Thread(target=run)
    with suppress(RuntimeError):  # a limit, or a Python without threads
        thread.start()
    try:
        yield result
    finally:
        if thread.ident is not None:
            thread.join()
