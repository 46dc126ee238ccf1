"""What the tests of the command line run and get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    out: str
    err: str


Command = Callable[..., Result]
