"""Work that runs beside other work for a moment: what loads a model leaves Python to others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def beside(work: Callable[[Callable[[], None]], T]) -> Iterator[Callable[[], T]]:
    """Run work in a thread while the block runs, which waits for it at its end.

    The block begins once the work leaves Python to others: two that take turns at Python both come
    late. Where no thread can be started, the work runs when it is asked for.

    >>> def multiply(leave):
    ...     leave()
    ...     return 6 * 7
    >>> with beside(multiply) as answer:
    ...     question = "life"
    >>> answer()
    42

    Args:
        work: Called once, with what it calls when it leaves Python to others.

    Yields:
        A function that returns what the work did, or raises what it raised; for after the block.
    """
    found: list[T] = []
    failed: list[BaseException] = []
    left = threading.Event()

    def run() -> None:
        try:
            found.append(work(left.set))
        except BaseException as error:  # raised where it is asked for
            failed.append(error)
        finally:
            left.set()

    def result() -> T:
        if not found and not failed:
            run()
        if failed:
            raise failed[0]
        return found[0]

    thread = threading.Thread(target=run)
    with suppress(RuntimeError):  # a limit, or a Python without threads
        thread.start()
        left.wait()
    try:
        yield result
    finally:
        if thread.ident is not None:
            thread.join()
