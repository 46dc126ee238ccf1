"""How long one model takes beside another, in turns, in processor seconds.

Both are the fairer figures on a busy machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from edge_distil.session import OnnxSession
from edge_distil_quantize.recipe import Feeds

_ROUNDS = 9


def relative_time(
    base: OnnxSession, other: OnnxSession, inputs: Sequence[Feeds], rounds: int = _ROUNDS
) -> float:
    """Return the median ratio of `other`'s time to `base`'s, round by round; 1 is as fast.

    A first round is not counted. Sessions of one thread each: what others wait for is not seen.
    """
    ratios = [_seconds(other, inputs) / _seconds(base, inputs) for _ in range(rounds + 1)]
    return statistics.median(ratios[1:])


def _seconds(session: OnnxSession, inputs: Sequence[Feeds]) -> float:
    started = time.process_time()
    for feeds in inputs:
        session.run(feeds)
    return time.process_time() - started
