"""Several rankings made one: reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_K = 60  # the paper's: how little the first places of one ranking alone count


def fuse(rankings: Iterable[Sequence[int]]) -> list[tuple[int, float]]:
    """Order ids by the sum of ``1 / (60 + rank)`` over the rankings that have them.

    Source: Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and
    individual rank learning methods", SIGIR 2009.

    >>> [(i, round(score, 5)) for i, score in fuse([[7, 8], [8, 9]])]
    [(8, 0.03252), (7, 0.01639), (9, 0.01613)]

    Args:
        rankings: Each ids, the best first; its first one has rank 1.

    Returns:
        Ids with their scores, the best first; ties by id.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (_K + rank)
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
