"""How a study says where it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Count = Callable[[int, int], None]  # how many are done, of all


class Progress(Protocol):
    """What a study speaks to."""

    def say(self, line: str) -> None:
        """Take a line for people."""

    def step(self, number: int, total: int, title: str) -> AbstractContextManager[Count]:
        """Begin a step; what it yields counts the step's parts."""
