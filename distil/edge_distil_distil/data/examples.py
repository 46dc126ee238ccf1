"""Rows of tokens with what is to be learnt of each, and the batches that they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_distil._tokenizing.rows import Row, collate
from edge_distil_distil.data.masking import Masking
from edge_distil_distil.objectives.labels import IGNORED

Array = NDArray[Any]


@dataclass
class Examples:
    """What a student learns from.

    Attributes:
        rows: Tokens, a row an example: a text, a pair or a window of a long one.
        texts: The texts of the rows, where teachers tokenize for themselves.
        row_targets: Name -> ``(rows, ...)``: labels, and what teachers said.
        token_targets: Name -> for each row ``(tokens, ...)``.
        epoch: Which pass over the rows this is; decides what is masked.
    """

    rows: list[Row]
    texts: list[str] = field(default_factory=list)
    row_targets: dict[str, Array] = field(default_factory=dict)
    token_targets: dict[str, list[Array]] = field(default_factory=dict)
    epoch: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> int:
        """Return the number of an example: `Batches` makes the arrays, many at a time."""
        return index

    @property
    def lengths(self) -> list[int]:
        """The rows' lengths in tokens."""
        return [len(row) for row in self.rows]


@dataclass(frozen=True)
class Batches:
    """Makes batches of examples.

    Attributes:
        examples: The examples.
        inputs: Arrays that the model takes.
        pad_id: Fills ``input_ids``.
        token_types: Texts of a pair are told apart.
        masking: Masks tokens and makes labels of them; ``None`` leaves them.
    """

    examples: Examples
    inputs: tuple[str, ...]
    pad_id: int
    token_types: bool
    masking: Masking | None = None

    def __call__(self, indices: Sequence[int]) -> dict[str, torch.Tensor]:
        """Return the tensors of a batch, padded on the right to its longest row."""
        examples = self.examples
        arrays = collate(
            [examples.rows[i] for i in indices], self.pad_id, token_types=self.token_types
        )
        width = arrays["input_ids"].shape[1]
        batch: dict[str, Array] = {name: arrays[name] for name in self.inputs}
        for name, values in examples.row_targets.items():
            batch[name] = values[list(indices)]
        for name, rows in examples.token_targets.items():
            batch[name] = _padded([rows[i] for i in indices], width)
        if self.masking is not None:
            masked = [self.masking(examples.rows[i].ids, examples.epoch, i) for i in indices]
            batch["input_ids"] = _padded([ids for ids, _ in masked], width, self.pad_id)
            batch["token_labels"] = _padded([labels for _, labels in masked], width)
        return {name: torch.from_numpy(values) for name, values in batch.items()}


def _padded(rows: Sequence[Array], width: int, fill: int | None = None) -> Array:
    """Pad along the tokens: labels with what counts as none, all else with zeros."""
    if fill is None:
        fill = IGNORED if rows[0].dtype.kind == "i" else 0
    padded = np.full((len(rows), width, *rows[0].shape[1:]), fill, rows[0].dtype)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded
