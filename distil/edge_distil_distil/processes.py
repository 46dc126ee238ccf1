"""Several processes that train one student, as torchrun or accelerate starts them.

The first one reads, writes and decides; the others train beside it.
"""

from __future__ import annotations

import os


def is_first() -> bool:
    """Whether this is the process that writes; true of one that is alone."""
    return int(os.environ.get("RANK", "0")) == 0


def count() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def meet() -> None:
    """Wait until all processes have come here."""
    if count() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def agreed(decision: list[bool]) -> list[bool]:
    """Return what the first process decided: clocks and signals differ between processes."""
    if count() > 1:
        from accelerate.utils import broadcast_object_list

        broadcast_object_list(decision)
    return decision
