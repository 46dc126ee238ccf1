"""Several texts in one row: their tokens side by side, each text seeing itself alone.

The attention mask numbers the texts of a row from 1; padding is 0. A token may look where the
number is its own, so that the scores of a row are a block for each text along the diagonal, and
positions begin anew with each text: what `export --position-ids` makes possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx_ir as ir
from onnx_ir.passes import common

from edge_distil._tokenizing.rows import Encoded, positions
from edge_distil.session import Tokens

HIDDEN = "last_hidden_state"


class Place(NamedTuple):
    """Where a text lies in a batch: its number, its row, its first token, and that behind it."""

    text: int
    row: int
    start: int
    end: int


class Packed(NamedTuple):
    """A batch of packed rows: the inputs, each int64 ``(batch, width)``, and the texts in it."""

    feeds: dict[str, Tokens]
    places: list[Place]


def fill(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Put texts into rows, the longest first, each into the first row that has room for it.

    >>> fill([5, 2, 4, 3], 8)
    [[0, 3], [2, 1]]

    Args:
        lengths: Tokens of each text, at most `width`.
        width: Tokens of a row at most.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for text in sorted(range(len(lengths)), key=lambda text: -lengths[text]):
        row = next((r for r, left in enumerate(room) if left >= lengths[text]), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(width)
        rows[row].append(text)
        room[row] -= lengths[text]
    return rows


def batches(
    encodings: Sequence[Encoded], width: int, tokens: int, first_position: int = 0
) -> Iterator[Packed]:
    """Pack texts into batches.

    Args:
        encodings: The texts; of a pair's second text nothing is known here, all token types are 0.
        width: Tokens of a row at most.
        tokens: Tokens of a batch at most, though it has a row at least.
        first_position: The manifest's.
    """
    rows = fill([len(encoding) for encoding in encodings], width)
    for begin in range(0, len(rows), max(1, tokens // width)):
        batch = rows[begin : begin + max(1, tokens // width)]
        widest = max(sum(len(encodings[text]) for text in row) for row in batch)
        ids = np.zeros((len(batch), widest), np.int64)
        feeds = {
            "input_ids": ids,
            "attention_mask": np.zeros_like(ids),
            "token_type_ids": np.zeros_like(ids),
            "position_ids": np.full_like(ids, first_position),
        }
        places = [place for row, texts in enumerate(batch) for place in _row(encodings, row, texts)]
        numbers = dict.fromkeys(range(len(batch)), 0)
        for place in places:
            numbers[place.row] += 1
            span = place.row, slice(place.start, place.end)
            ids[span] = encodings[place.text].ids
            feeds["attention_mask"][span] = numbers[place.row]
            feeds["position_ids"][span] = positions(ids[span][None], first_position)[0]
        yield Packed(feeds, places)


def _row(encodings: Sequence[Encoded], row: int, texts: Sequence[int]) -> Iterator[Place]:
    start = 0
    for text in texts:
        yield Place(text, row, start, end := start + len(encodings[text]))
        start = end


def block_diagonal(model: Path, file: Path) -> None:
    """Write a graph of ours so that its mask numbers texts, and with token vectors alone.

    Args:
        model: What ``export --position-ids`` made, or a variant of it.
        file: Where to.
    """
    read = ir.load(model)
    graph = read.graph
    graph.outputs[:] = [output for output in graph.outputs if output.name == HIDDEN]
    [mask] = [value for value in graph.inputs if value.name == "attention_mask"]
    allowed = [
        use.node
        for cast in mask.uses()
        for use in cast.node.outputs[0].uses()
        if cast.node.op_type == "Cast" and use.node.op_type == "Unsqueeze"
        if cast.node.attributes.get_int("to") == ir.DataType.BOOL
    ]
    for node in allowed:  # (batch, 1, 1, key)
        queries, keys = (_unsqueezed(graph, node, mask, axes) for axes in ([1, 3], [1, 2]))
        equal = ir.node("Equal", [queries, keys])  # (batch, 1, query, key)
        graph.insert_before(node, equal)
        node.outputs[0].replace_all_uses_with(equal.outputs[0])
    common.RemoveUnusedNodesPass()(read)
    ir.save(read, file)


def _unsqueezed(graph: ir.Graph, before: ir.Node, mask: ir.Value, axes: list[int]) -> ir.Value:
    name = f"mask_axes_{axes[-1]}"
    stored = ir.val(name, const_value=ir.tensor(np.array(axes), name=name))
    graph.register_initializer(stored)
    node = ir.node("Unsqueeze", [mask, stored])
    graph.insert_before(before, node)
    return node.outputs[0]
