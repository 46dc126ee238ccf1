"""Batches of one width each, so that a text's numbers do not depend on what shares its batch.

A row of tokens is padded to a width that follows from its own length alone, and only rows of one
width share a batch. onnxruntime's CPU kernels then take the same sums in the same order, however
many rows there are: the result is the same bit for bit, for every task
(`tests/runtime/test_same_bits.py`). One kernel does otherwise for a row alone: see
`Encoder.moves_alone`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

# Tokens in a batch, padding included. One thread a batch is as fast from 256 to 768 tokens, and
# memory grows with it (`bench/tables/embedding/token_budget.py`).
TOKEN_BUDGET = 512
_EXACT = 32  # tokens; up to here a text is not padded at all
# Tokens from which it is not either: few rows share a batch there, and a product of so many rows
# gains nothing from more.
_WIDE = 128


def padded_length(length: int, longest: int) -> int:
    """Return the width to which a row is padded: a token more at most.

    >>> [padded_length(n, 512) for n in (7, 32, 33, 65, 128, 131)]
    [7, 32, 34, 66, 128, 131]

    Args:
        length: Of the row, in tokens.
        longest: The most that the model takes.
    """
    even = length + length % 2 if _EXACT < length < _WIDE else length
    return min(even, longest)


class Batch(NamedTuple):
    """Rows that run together: their width in tokens and their indices."""

    width: int
    indices: list[int]


class Buckets:
    """Open batches by width; a batch that is full goes out.

    >>> buckets = Buckets(longest=512, batch_size=2)
    >>> [buckets.add(index, length) for index, length in enumerate((5, 9, 5))]
    [None, None, Batch(width=5, indices=[0, 2])]
    >>> list(buckets.rest())
    [Batch(width=9, indices=[1])]

    Args:
        longest: The most tokens that the model takes.
        batch_size: At most so many rows a batch, beside `TOKEN_BUDGET`.
    """

    def __init__(self, longest: int, batch_size: int | None = None) -> None:
        self._longest = longest
        self._batch_size = batch_size
        self._open: dict[int, list[int]] = {}

    def add(self, index: int, length: int) -> Batch | None:
        """Put a row of `length` tokens into its batch; return the batch if it is full."""
        width = padded_length(length, self._longest)
        indices = self._open.setdefault(width, [])
        indices.append(index)
        return Batch(width, self._open.pop(width)) if len(indices) >= self._rows(width) else None

    def rest(self) -> Iterator[Batch]:
        """Hand out the batches that are not full, the widest first."""
        for width in sorted(self._open, reverse=True):
            yield Batch(width, self._open.pop(width))

    def _rows(self, width: int) -> int:
        rows = max(1, TOKEN_BUDGET // width)
        return min(rows, self._batch_size) if self._batch_size else rows
