"""When to look at what was measured so far, and how sure one has to be at each look.

Measuring ends when the figures decide, so they are looked at several times, and each look is one
more chance to be fooled. The error that 95 % allow is therefore spent over the looks ("alpha
spending": Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials", Biometrika
70(3)): the j-th look is taken at a confidence of ``1 - 0.05 / (j (j + 1))``. These shares add up to
0.05 over any number of looks, so by Boole's inequality all intervals of a measurement hold the
truth together in 95 of 100 measurements, whenever it ends and for whatever reason. The number of
looks need not be known before: one that was cut short may go on (a confidence sequence in the sense
of Darling and Robbins 1967, "Confidence sequences for mean, variance, and median"). Looks are at
numbers of rounds that grow geometrically, as later rounds change less (Howard et al. 2021,
"Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2)).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edge_distil_bench.statistics.distribution import CONFIDENCE

_GROWTH = 1.5


def next_look(rounds: int) -> int:
    """Return the rounds of the look after the one at so many.

    >>> next_look(4), next_look(6), next_look(9)
    (6, 9, 14)
    """
    return math.ceil(_GROWTH * rounds)


def confidence_after(rounds: int, first: int) -> float:
    """Return the confidence of the look at so many rounds.

    >>> [round(1 - confidence_after(rounds, 4), 4) for rounds in (4, 6, 9, 14)]
    [0.025, 0.0083, 0.0042, 0.0025]

    Args:
        rounds: Those that were measured.
        first: Rounds of the first look.
    """
    look, at = 1, first
    while at < rounds:
        look, at = look + 1, next_look(at)
    return 1 - (1 - CONFIDENCE) / (look * (look + 1))


def go_on_until(
    first: int,
    measure: Callable[[int], None],
    decided: Callable[[], bool],
    affordable: Callable[[int], bool],
) -> int:
    """Measure round upon round until the figures decide, and return the number of rounds.

    Args:
        first: Rounds before the first look.
        measure: Measures on, until there are so many rounds.
        decided: Looks at what there is.
        affordable: Whether so many rounds may be measured. It may hold the time against a limit,
            but must not look at the figures.
    """
    rounds = first
    measure(rounds)
    while not decided() and affordable(next_look(rounds)):
        rounds = next_look(rounds)
        measure(rounds)
    return rounds
