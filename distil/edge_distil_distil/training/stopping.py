"""Ctrl-C and the system's request to end: the step is finished and a checkpoint written first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

_ASKS = ("SIGHUP", "SIGINT", "SIGTERM")  # those that the system has


class Stop:
    """Whether somebody asked for the end.

    Attributes:
        number: The signal, once there was one.
    """

    number: int | None = None


@contextmanager
def noticed() -> Iterator[Stop]:
    """Take note of the first signal that asks for an end; it acts when the block has ended.

    A second one acts at once. Outside the main thread nothing is changed.
    """
    stop = Stop()
    before: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        stop.number = number
        for each, handler in before.items():
            signal.signal(each, handler)

    if threading.current_thread() is threading.main_thread():
        for name in _ASKS:
            with suppress(AttributeError):  # Windows has no SIGHUP
                number = getattr(signal, name)
                handler = signal.getsignal(number)
                if handler not in (signal.SIG_IGN, None):  # nohup has it ignored
                    before[number] = handler
        for number in before:
            signal.signal(number, note)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    if stop.number is not None:
        signal.raise_signal(stop.number)
