"""Rows of tokens and the arrays that a batch of them becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_distil.errors import BundleCorrupt

if TYPE_CHECKING:
    from tokenizers import Encoding


class Encoded(Protocol):
    """What a batch is made of: an ``Encoding``, a `Row`, or a window of a long text."""

    @property
    def ids(self) -> Any:
        """Token ids, in order."""

    @property
    def type_ids(self) -> Any:
        """Of each token, which of the two texts it belongs to."""

    def __len__(self) -> int: ...


class Row:
    """The tokens of one text, 8 bytes each: an ``Encoding`` holds some 100 a token."""

    __slots__ = ("ids", "type_ids")

    def __init__(self, ids: NDArray[np.int32], type_ids: NDArray[np.int32]) -> None:
        self.ids = ids
        self.type_ids = type_ids

    @classmethod
    def of(cls, encoding: Encoding) -> Row:
        """Keep what a model takes.

        Raises:
            BundleCorrupt: An id is beyond what any vocabulary has.
        """
        try:
            return cls(np.array(encoding.ids, np.int32), np.array(encoding.type_ids, np.int32))
        except OverflowError as error:
            raise BundleCorrupt(
                f"the tokenizer gives the id {max(encoding.ids + encoding.type_ids)}, expected "
                "less than 2^31: get the bundle from a source that you trust, or export it again"
            ) from error

    def __len__(self) -> int:
        return len(self.ids)


class Bag(Row):
    """The distinct tokens of one text, each with how often it stands there.

    Where a token's vector does not depend on the others (static embeddings), the mean over a bag,
    its counts for the attention mask, is the mean over the text, which no longer takes memory with
    its length.
    """

    __slots__ = ("counts",)

    def __init__(
        self, ids: NDArray[np.int32], type_ids: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> None:
        super().__init__(ids, type_ids)
        self.counts = counts

    @classmethod
    def counted(cls, row: Row) -> Bag:
        """Count the tokens of a row.

        >>> bag = Bag.counted(Row(np.array([7, 3, 7], np.int32), np.zeros(3, np.int32)))
        >>> bag.ids.tolist(), bag.counts.tolist()
        ([3, 7], [1, 2])
        """
        ids, counts = np.unique(row.ids, return_counts=True)
        return cls(ids, np.zeros_like(ids), counts)


class Expanded(Row):
    """The tokens of a query, filled up with tokens that the others may not attend to."""

    __slots__ = ("mask",)

    def __init__(
        self, ids: NDArray[np.int32], type_ids: NDArray[np.int32], mask: NDArray[np.int64]
    ) -> None:
        super().__init__(ids, type_ids)
        self.mask = mask

    @classmethod
    def filled(cls, row: Row, length: int, token: int, *, attend: bool) -> Expanded:
        """Fill a row up to `length` tokens; one that has as many stays as it is.

        >>> row = Row(np.array([7, 3], np.int32), np.zeros(2, np.int32))
        >>> expanded = Expanded.filled(row, 4, 9, attend=False)
        >>> expanded.ids.tolist(), expanded.mask.tolist()
        ([7, 3, 9, 9], [1, 1, 0, 0])

        Args:
            row: The tokens of a text.
            length: At least so many.
            token: Id of the token that fills it up.
            attend: Attend to these tokens, too.
        """
        behind = (0, max(0, length - len(row)))
        return cls(
            np.pad(row.ids, behind, constant_values=token),
            np.pad(row.type_ids, behind),
            np.pad(np.ones(len(row), np.int64), behind, constant_values=attend),
        )


def collate(
    encodings: Sequence[Encoded],
    pad_id: int,
    *,
    token_types: bool = True,
    first_position: int | None = None,
) -> dict[str, NDArray[np.int64]]:
    """Pad encodings on the right to one batch, which is at least one token wide.

    Engines differ about arrays without numbers, so a text without tokens is a row of padding.

    Args:
        encodings: One for each row.
        pad_id: Fills ``input_ids``.
        token_types: Tell the texts of a pair apart; else all token types are 0.
        first_position: The manifest's; ``None`` where the graph takes no positions.

    Returns:
        ``input_ids``, ``attention_mask`` and ``token_type_ids``, and ``position_ids`` where the
        graph takes them, each int64 ``(batch, sequence)``.
    """
    shape = (len(encodings), max([1, *map(len, encodings)]))
    ids = np.full(shape, pad_id, np.int64)
    mask = np.zeros(shape, np.int64)
    types = np.zeros(shape, np.int64)
    for row, encoding in enumerate(encodings):
        end = len(encoding)
        ids[row, :end] = encoding.ids
        mask[row, :end] = _attention(encoding)
        if token_types:
            types[row, :end] = encoding.type_ids
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    if first_position is not None:
        feeds["position_ids"] = positions(ids, first_position)
    return feeds


def _attention(encoding: Encoded) -> NDArray[np.int64] | int:
    if isinstance(encoding, Bag):
        return encoding.counts
    return encoding.mask if isinstance(encoding, Expanded) else 1


def positions(ids: NDArray[np.int64], first: int) -> NDArray[np.int64]:
    """Return the positions that a model counts itself.

    A table that begins later, as RoBERTa's does, has its padding's vector before: a padding token
    is not counted (``create_position_ids_from_input_ids`` of transformers).

    >>> positions(np.array([[0, 9, 1, 2, 1]]), 2)
    array([[2, 3, 1, 4, 1]])

    Args:
        ids: Token ids ``(batch, sequence)``.
        first: Of a row's first token; if not 0, the padding's token id is the number before it.
    """
    counted = ids != first - 1  # all where first is 0, for no id is negative
    return np.where(counted, counted.cumsum(axis=1) + first - 1, first - 1)
