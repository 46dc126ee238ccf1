"""The last layer for the first token alone, where nothing reads its other tokens.

A head that reads one token (classification, CLS pooling) takes it from the last hidden states with
a Gather. All that lies between that Gather and the last attention works token by token, so the
other tokens need not be computed: the queries, the scores, the context, the output projection and
the feed-forward network. Keys and values are read whole.

    before                                 after
    x ─ query ─ scores ─ ... ─ Gather(0)   x ─ Slice [:, 0:1] ─ query ─ scores ─ ... ─ Gather(0)
    └── key, value ┘                       └─── key, value ──────────────┘

The numbers are the same; fewer of them are computed. No family is named here: what an operator
needs is said in `first_position`, and where no rule applies, or something reads a value whole, that
value stays whole and the Slice is put behind it. The axis keeps its place, of size 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from edge_distil_export.graphs.first_position import Reads, constant, reads, shape

Axes = Mapping[str, tuple[str | int, ...]]  # output -> its leading axes, by name or of fixed size
_TOKENS = 1  # the axis of (batch, sequence, hidden)
_HIDDEN_RANK = 3


class Sliced(NamedTuple):
    """What a slice took away.

    Attributes:
        products: Matrix products that run for the first token alone.
        share: Of all multiplications with stored weights, those of these products: what the
            encoder saves for each token but the first.
        outputs: Graph outputs that hold the first token alone, ``(batch, 1, hidden)``.
    """

    products: int
    share: float
    outputs: tuple[str, ...]

    def to_settings(self) -> dict[str, Any]:
        """Return the figures as the manifest holds them."""
        return {"products": self.products, "share_of_weights": round(self.share, 4)}


class _Needed(NamedTuple):
    """What is needed of an operator: position 0 of its outputs along `axis`, from `inputs`."""

    axis: int
    inputs: Reads


def slice_last_layer(graph: ir.Graph) -> Sliced | None:
    """Compute the first token alone wherever no other is read, in place.

    Args:
        graph: A graph whose values all have shapes.

    Returns:
        What it saves; ``None`` where the graph stays as it was, because no head reads one token.
    """
    found = _find(graph)
    narrow = {node: found[node] for node in graph if node in found}
    products = [node for node in narrow if node.op_type == "MatMul"]
    if not products:
        return None
    share = sum(map(_weights, products)) / sum(map(_weights, graph))
    cutter = _Cutter(graph)
    for node, needed in narrow.items():
        cutter.narrow(node, needed)
    shorter = (value.name for value in graph.outputs if value.producer() in narrow)
    return Sliced(len(products), share, tuple(map(str, shorter)))


def axes_of(outputs: Axes, sliced: Sliced | None) -> Axes:
    """Return output name -> its leading axes, where some of a sliced graph hold one token."""
    shorter = sliced.outputs if sliced else ()
    return {name: (axes[0], 1) if name in shorter else axes for name, axes in outputs.items()}


def _find(graph: ir.Graph) -> dict[ir.Node, _Needed]:
    """Return the operators that can do with less, and what each of them needs."""
    found: dict[ir.Node, _Needed] = {}
    for node in reversed(graph):  # readers before what they read
        axis = _axis_wanted(node, found)
        inputs = reads(node, axis) if axis is not None else None
        if axis is not None and inputs:
            found[node] = _Needed(axis, inputs)
    return found


def _axis_wanted(node: ir.Node, found: Mapping[ir.Node, _Needed]) -> int | None:
    """Return the axis along which all readers of a node's outputs take position 0 alone.

    A graph output counts as no reader: where a head takes the first of the last hidden states,
    these are given for that token alone.
    """
    axes: set[int | None] = set()
    for use in (use for value in node.outputs for use in value.uses()):
        needed = found.get(use.node)
        wanted = needed.inputs.get(use.idx) if needed is not None else None
        axes.add(_TOKENS if _picks_first_token(use.node) else wanted)
    return axes.pop() if len(axes) == 1 else None


def _picks_first_token(node: ir.Node) -> bool:
    """Say whether this is ``hidden[:, 0]``, of hidden states ``(batch, sequence, hidden)``."""
    if node.op_type != "Gather" or node.attributes.get_int("axis", 0) != _TOKENS:
        return False
    sizes, index = list(shape(node.inputs[0])), constant(node.inputs[1])
    is_first = index is not None and index.ndim == 0 and index == 0
    return is_first and len(sizes) == _HIDDEN_RANK and not isinstance(sizes[_TOKENS], int)


def _weights(node: ir.Node) -> int:
    """Return how many stored weights a MatMul multiplies each token with."""
    weight = node.inputs[1] if node.op_type == "MatMul" else None
    maker = weight.producer() if weight is not None else None
    if maker is not None and maker.op_type == "Transpose":
        weight = maker.inputs[0]
    stored = constant(weight)
    return stored.size if stored is not None else 0


class _Cutter:
    """Narrows operators, in the graph's order; a value that stays whole is cut once.

    Args:
        graph: The graph, changed in place.
    """

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._narrow: set[ir.Value] = set()
        self._made: dict[tuple[ir.Value, int], ir.Value] = {}
        self._stored: dict[int, ir.Value] = {}

    def narrow(self, node: ir.Node, needed: _Needed) -> None:
        """Let an operator read less, and say so in the shapes of what it gives."""
        for index, axis in needed.inputs.items():
            value = node.inputs[index]
            assert value is not None
            if value not in self._narrow:
                node.replace_input_with(index, self._first(value, axis, node))
        if node.op_type == "Reshape":
            node.replace_input_with(1, self._sizes(node, needed.axis))
        for value in node.outputs:
            value.shape = _with_one(shape(value), needed.axis)
            self._narrow.add(value)

    def _first(self, value: ir.Value, axis: int, anchor: ir.Node) -> ir.Value:
        """Return position 0 of a value along an axis, which keeps its place."""
        if (value, axis) not in self._made:
            ends = [self._number(n) for n in (0, 1, axis)]
            cut = self._before(anchor, "Slice", [value, *ends], f"{value.name}_first")
            cut.shape = _with_one(shape(value), axis)
            cut.type = value.type
            self._made[value, axis] = cut
        return self._made[value, axis]

    def _sizes(self, node: ir.Node, axis: int) -> ir.Value:
        """Return the sizes that a Reshape asks for, with 1 at an axis."""
        sizes = node.inputs[1]
        assert sizes is not None
        if (sizes, axis) not in self._made:
            self._made[sizes, axis] = self._resized(sizes, axis, node)
        return self._made[sizes, axis]

    def _resized(self, sizes: ir.Value, axis: int, anchor: ir.Node) -> ir.Value:
        name, stored, maker = f"{sizes.name}_first", constant(sizes), sizes.producer()
        if stored is not None:
            return self._initializer(name, np.where(np.arange(stored.size) == axis, 1, stored))
        assert maker is not None  # a Concat: `first_position` saw to it
        parts = [self._number(1) if n == axis else part for n, part in enumerate(maker.inputs)]
        made = self._before(anchor, "Concat", parts, name, {"axis": 0})
        made.type, made.shape = sizes.type, sizes.shape
        return made

    def _before(
        self,
        anchor: ir.Node,
        op_type: str,
        inputs: Sequence[ir.Value | None],
        name: str,
        attributes: Mapping[str, Any] | None = None,
    ) -> ir.Value:
        node = ir.node(op_type, inputs, attributes, name=f"{name}_{op_type}")
        node.outputs[0].name = name
        self._graph.insert_before(anchor, node)
        return node.outputs[0]

    def _number(self, number: int) -> ir.Value:
        if number not in self._stored:
            self._stored[number] = self._initializer(f"first_{number}", np.array([number]))
        return self._stored[number]

    def _initializer(self, name: str, array: NDArray[np.int64]) -> ir.Value:
        value = ir.val(name, const_value=ir.tensor(array, name=name))
        self._graph.register_initializer(value)
        return value


def _with_one(sizes: ir.Shape, axis: int) -> ir.Shape:
    return ir.Shape([*sizes[:axis], 1, *sizes[axis + 1 :]])
