"""Rows of tokens and the arrays that a batch of them becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from edge_distil.errors import BundleCorrupt


class Encoded(Protocol):
    """What a batch is made of: an ``Encoding``, a `Row`, or a window of a long text."""

    @property
    def ids(self) -> Any:
        """Token ids, in order."""

    @property
    def type_ids(self) -> Any:
        """Of each token, which of the two texts it belongs to."""

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Row:
    """The tokens of one text, 8 bytes each: an ``Encoding`` holds some 100 a token."""

    ids: NDArray[np.int32]
    type_ids: NDArray[np.int32]

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


def collate(
    encodings: Sequence[Encoded],
    pad_id: int,
    *,
    token_types: bool = True,
) -> dict[str, NDArray[np.int64]]:
    """Pad encodings on the right to one batch.

    Args:
        encodings: One for each row.
        pad_id: Fills ``input_ids``.
        token_types: Tell the texts of a pair apart; else all token types are 0.

    Returns:
        ``input_ids``, ``attention_mask`` and ``token_type_ids``, each int64
        ``(batch, sequence)``.
    """
    shape = (len(encodings), max(len(encoding) for encoding in encodings))
    ids = np.full(shape, pad_id, np.int64)
    mask = np.zeros(shape, np.int64)
    types = np.zeros(shape, np.int64)
    for row, encoding in enumerate(encodings):
        end = len(encoding)
        ids[row, :end] = encoding.ids
        mask[row, :end] = 1
        if token_types:
            types[row, :end] = encoding.type_ids
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
