"""How long one model takes beside another, in turns, so that a busy machine slows both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from edge_distil.session import OnnxSession
from edge_distil_quantize.recipe import Feeds

_ROUNDS = 7


def relative_time(
    base: OnnxSession, other: OnnxSession, inputs: Sequence[Feeds], rounds: int = _ROUNDS
) -> float:
    """Return the median ratio of `other`'s time to `base`'s, run after run; 1 is as fast.

    A first round is not counted.
    """
    ratios = [_seconds(other, inputs) / _seconds(base, inputs) for _ in range(rounds + 1)]
    return statistics.median(ratios[1:])


def _seconds(session: OnnxSession, inputs: Sequence[Feeds]) -> float:
    started = time.perf_counter()
    for feeds in inputs:
        session.run(feeds)
    return time.perf_counter() - started
