"""The smallest set that passes: a prefix of a ranking by bisection, then what it can do without.

Nothing here knows of models: a trial is a function from a set of names to "it passes".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Names kept, and the most trials that this stage still needs, this one included -> does it pass?
Trial = Callable[[frozenset[str], int], bool]


def smallest_set(ranking: Sequence[str], passes: Trial) -> frozenset[str] | None:
    """Return a set of names that passes and that no single name can be taken from.

    It is minimal in that sense (1-minimal, as in delta debugging: Zeller and Hildebrandt 2002),
    not the smallest of all 2^n sets, which nobody can try.

    >>> sorted(smallest_set(["a", "b", "c", "d"], lambda kept, left: {"b", "c"} <= kept))
    ['b', 'c']

    Args:
        ranking: Names, the most promising first. They are never all kept.
        passes: The trial. It may be asked about a set twice.

    Returns:
        The set; ``None`` where nothing that was tried passes.
    """
    if passes(frozenset(), 1):
        return frozenset()
    size = _smallest_prefix(ranking, passes)
    return _without_the_needless(ranking[:size], passes) if size else None


def _smallest_prefix(ranking: Sequence[str], passes: Trial) -> int:
    """Return the size of a prefix that passes where one less fails; 0 where there is none.

    Doubling first: the answer is small as a rule, and small steps towards it are cheap.
    """
    most = len(ranking) - 1
    failing, size = 0, min(1, most)
    while not passes(frozenset(ranking[:size]), _steps(failing, most)):
        if size == most:
            return 0
        failing, size = size, min(2 * size, most)
    while size - failing > 1:
        middle = (failing + size) // 2
        if passes(frozenset(ranking[:middle]), (size - failing - 1).bit_length()):
            size = middle
        else:
            failing = middle
    return size


def _steps(failing: int, most: int) -> int:
    return 2 * max(1, most - failing).bit_length()


def _without_the_needless(names: Sequence[str], passes: Trial) -> frozenset[str]:
    """Take names away, the least promising first, as long as the rest passes."""
    kept = list(names)
    changed = True
    while changed:
        changed = False
        for index in reversed(range(len(kept))):
            rest = kept[:index] + kept[index + 1 :]
            if passes(frozenset(rest), index + 1):
                kept, changed = rest, True
    return frozenset(kept)
