"""A copy of an int8 graph of ours under change, and where its quantizers and attentions are.

What is found is what the exporter and the recipe ``int8`` make of BERT and DistilBERT: `attempts`
times edits of these, and nothing here is shipped.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

CONTRIB = "com.microsoft"


class Quantizer(NamedTuple):
    """The operators that turn an activation into uint8, and the names of what they read."""

    node: NodeProto  # QuantizeLinear
    activation: str
    divisor: str  # (batch, sequence, 1)
    levels: int


class Attention(NamedTuple):
    """An attention layer's operators, and its projections ``(batch, sequence, hidden)``."""

    softmax: NodeProto
    masking: NodeProto  # Add
    end: NodeProto  # the Reshape that joins the heads
    projections: tuple[str, str, str]
    scale: float


class Draft:
    """A copy of a model under change."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = copy.deepcopy(model)
        self.nodes = list(self.model.graph.node)
        self.stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.makers = {name: node for node in self.nodes for name in node.output}

    def users(self, value: str) -> list[NodeProto]:
        """Return the operators that read a value."""
        return [node for node in self.nodes if value in node.input]

    def user(self, value: str) -> NodeProto:
        """Return the one operator that reads a value."""
        (node,) = self.users(value)
        return node

    def constant(self, name: str, array: NDArray[Any] | np.generic) -> str:
        """Store an array, unless there is one of the name; return the name."""
        if name not in self.stored:
            self.stored[name] = np.asarray(array)
            self.model.graph.initializer.append(numpy_helper.from_array(self.stored[name], name))
        return name

    def replace(self, old: NodeProto, *new: NodeProto) -> None:
        """Put operators in the place of one."""
        place = next(i for i, node in enumerate(self.nodes) if node is old)
        self.nodes[place : place + 1] = new

    def begin(self, *new: NodeProto) -> None:
        """Put operators before all others."""
        self.nodes[:0] = new

    def finish(self) -> onnx.ModelProto:
        """Return the model without what nothing reads."""
        graph = self.model.graph
        ends = {output.name for output in graph.output}
        while True:
            read = ends | {name for node in self.nodes for name in _read(node)}
            used = [node for node in self.nodes if read & set(node.output)]
            if len(used) == len(self.nodes):
                break
            self.nodes = used
        tensors = [tensor for tensor in graph.initializer if tensor.name in read]
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(tensors)
        if not any(opset.domain == CONTRIB for opset in self.model.opset_import):
            self.model.opset_import.append(helper.make_opsetid(CONTRIB, 1))
        return self.model


def quantizers(draft: Draft) -> Iterator[Quantizer]:
    for node in list(draft.nodes):
        if node.op_type == "QuantizeLinear":
            division = draft.makers[node.input[0]]
            levels = round(1 / float(draft.stored[node.input[1]]))
            yield Quantizer(node, *division.input, levels)


def attentions(draft: Draft) -> Iterator[Attention]:
    for softmax in [node for node in draft.nodes if node.op_type == "Softmax"]:
        masking = draft.makers[softmax.input[0]]
        scores, scale = draft.makers[masking.input[0]], 1.0
        if scores.op_type == "Mul":
            scale = float(draft.stored[scores.input[1]])
            scores = draft.makers[scores.input[0]]
        sums = draft.user(softmax.output[0])
        query, key, value = (
            draft.makers[draft.makers[name].input[0]].input[0]  # behind Transpose and Reshape
            for name in (*scores.input, sums.input[1])
        )
        end = draft.user(draft.user(sums.output[0]).output[0])
        yield Attention(softmax, masking, end, (query, key, value), scale)


def _read(node: NodeProto) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        yield from (name for inner in attribute.g.node for name in inner.input)
