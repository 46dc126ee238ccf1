"""Who answers which query when, within a block: pure, and the same for every model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Asked(NamedTuple):
    """One query as a process is asked for it.

    Attributes:
        slot: Whose turn it is, of the models that share the process.
        item: Which query.
        timed: Whether it enters a figure; a lead does not, for before it the caches hold another
            model's weights.
    """

    slot: int
    item: int
    timed: bool


class Turn(NamedTuple):
    """How a model answers a query when it is its turn.

    Attributes:
        repeats: How often, one after another.
        lead: Whether a run that is not counted comes before.
    """

    repeats: int
    lead: bool = True


def visit(
    items: Sequence[int], order: Sequence[int], turns: Sequence[Turn], *, mirrored: bool
) -> list[Asked]:
    """Return what a process is asked for in its half of a block.

    Models that share a process take turns query by query; none always follows the same other one.
    A model that is alone has one lead, at the beginning.

    >>> pair = [Turn(1), Turn(2)]
    >>> [f"{a.slot}{'' if a.timed else '-'}" for a in visit([7, 8], [0, 1], pair, mirrored=False)]
    ['0-', '0', '1-', '1', '1', '1-', '1', '1', '0-', '0']
    >>> [(a.item, a.timed) for a in visit([7, 8], [0], [Turn(1)], mirrored=True)]
    [(7, False), (7, True), (8, True)]

    Args:
        items: The queries.
        order: The slots, in the order drawn for this block.
        turns: Each slot's.
        mirrored: Whether it is the second half, in the opposite order.
    """
    if len(order) == 1:
        [slot] = order
        timed = [Asked(slot, item, True) for item in [*items] * turns[slot].repeats]
        return [Asked(slot, items[0], False), *timed]
    asked: list[Asked] = []
    for index, item in enumerate(items):
        forwards = (index % 2 == 0) != mirrored
        for slot in order if forwards else reversed(order):
            asked += [Asked(slot, item, False)] * turns[slot].lead
            asked += [Asked(slot, item, True)] * turns[slot].repeats
    return asked
