"""Work that runs beside other work for a moment: what loads a model leaves Python to others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """Work that is done in a thread from `start` on, or when it is asked for."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._found: list[T] = []
        self._failed: list[BaseException] = []
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin in a thread, where one can be started; not again once it has begun.

        Where memory has a limit the work is done at once instead: a thread reserves over 100 MB,
        and of two that find none left it may be the tokenizer's Rust, which ends the process
        without a word. So a model's weights, the most and the last, are what finds none.
        """
        if self._thread is not None or self._found or self._failed:
            return
        if _memory_is_limited():
            self._run()
        else:
            self._thread = threading.Thread(target=self._run)
            with suppress(RuntimeError):  # a limit, or a Python without threads
                self._thread.start()

    def result(self) -> T:
        """Return what the work did, or raise what it raised."""
        self.wait()
        if not self._found and not self._failed:
            self._run()
        if self._failed:
            raise self._failed[0]
        return self._found[0]

    def wait(self) -> None:
        """Wait for the thread, if there is one."""
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._found.append(self._work())
        except BaseException as error:  # raised where it is asked for
            self._failed.append(error)


def _memory_is_limited() -> bool:
    """Say whether this process may take so much memory only (``ulimit -v``, ``-d``)."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA)
    return any(resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind in kinds)


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Later[T]]:
    """Let the block start work in a thread, which is waited for at the block's end.

    The block knows from when on it needs Python no more: two that take turns at it both come late.
    Where both fail, it is the work's error that is raised.

    >>> with beside(lambda: 6 * 7) as answer:
    ...     answer.start()
    ...     question = "life"
    >>> answer.result()
    42
    """
    later = Later(work)
    try:
        yield later
    except Exception:
        later.result()  # raises what is wrong with the work, if anything is
        raise  # of the block
    finally:
        later.wait()
