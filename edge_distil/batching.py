"""Batches of rows of one length, so that a text's numbers do not depend on what shares its batch.

Only rows of as many tokens share a batch, so none is padded: some families, such as ConvBERT and
FNet, give other numbers where padding follows, masked or not. onnxruntime's CPU kernels then take
the same sums in the same order, however many rows there are: the result is the same bit for bit,
for every task (`tests/runtime/test_same_bits.py`). One kernel does otherwise for a row alone: see
`Encoder.moves_alone`.
"""

from __future__ import annotations

from collections.abc import Iterator

# Tokens in a batch. One thread a batch is as fast from 256 to 768 tokens, and memory grows with it
# (`bench/tables/embedding/token_budget.py`).
TOKEN_BUDGET = 512


class Buckets:
    """Open batches, as indices of their rows, by length; a batch that is full goes out.

    >>> buckets = Buckets(batch_size=2)
    >>> [buckets.add(index, length) for index, length in enumerate((5, 9, 5))]
    [None, None, [0, 2]]
    >>> list(buckets.rest())
    [[1]]

    Args:
        batch_size: At most so many rows a batch, beside `TOKEN_BUDGET`.
    """

    def __init__(self, batch_size: int | None = None) -> None:
        self._batch_size = batch_size
        self._open: dict[int, list[int]] = {}

    def add(self, index: int, length: int) -> list[int] | None:
        """Put a row of `length` tokens into its batch; return the batch if it is full."""
        indices = self._open.setdefault(length, [])
        indices.append(index)
        return self._open.pop(length) if len(indices) >= self._rows(length) else None

    def rest(self) -> Iterator[list[int]]:
        """Hand out the batches that are not full, the longest rows first."""
        for length in sorted(self._open, reverse=True):
            yield self._open.pop(length)

    def _rows(self, length: int) -> int:
        rows = max(1, TOKEN_BUDGET // max(1, length))  # a text may have no tokens
        return min(rows, self._batch_size) if self._batch_size else rows
