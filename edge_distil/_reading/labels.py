"""Class names by index: ``config.json``'s ``id2label``, and what its gaps are called.

Source of ``LABEL_0``, ``LABEL_1``, ...: ``PretrainedConfig`` of transformers, where nobody named
the classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MOST = 1 << 16  # classes; no head is as wide, and a larger index would fill memory with gaps


def label_names(id2label: Mapping[Any, Any]) -> tuple[str, ...]:
    """Put names at their own indices.

    >>> label_names({"2": "good", "0": "bad"})
    ('bad', 'LABEL_1', 'good')

    Args:
        id2label: Index -> name; the indices may be written as text, as JSON has them.

    Returns:
        Names from index 0 to the greatest.

    Raises:
        ValueError: An index is not a whole number, or beyond what a head has classes.
    """
    names = {int(index): str(name) for index, name in id2label.items()}
    greatest = max(names, default=-1)
    if greatest >= _MOST:
        raise ValueError(f"id2label names class {greatest}, expected less than {_MOST}")
    return tuple(names.get(index, _unnamed(index)) for index in range(greatest + 1))


def fit_labels(names: Sequence[str], count: int) -> tuple[str, ...]:
    """Cut names to `count` classes, or name the further ones as transformers does.

    >>> fit_labels(["bad", "good"], 3)
    ('bad', 'good', 'LABEL_2')
    """
    return (*names[:count], *(_unnamed(index) for index in range(len(names), count)))


def _unnamed(index: int) -> str:
    return f"LABEL_{index}"
