"""Adding operators and constants to an onnx-ir graph, under names that say what they are."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray


@dataclass
class Editor:
    """A graph under change.

    Attributes:
        graph: The graph.
        constants: Values of the constants that all rewrites share, by name.
    """

    graph: ir.Graph
    constants: dict[str, ir.Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        outputs = (value.name for node in self.graph for value in node.outputs)
        inputs = (value.name for value in self.graph.inputs)
        self._taken = {*outputs, *inputs, *self.graph.initializers}

    def before(
        self,
        anchor: ir.Node,
        op_type: str,
        inputs: Sequence[ir.Value],
        output: str,
        attributes: Mapping[str, Any] | None = None,
        domain: str = "",
    ) -> ir.Value:
        """Insert an operator before `anchor`; return its output, named near `output`."""
        output = self._free(output)
        name = f"{output}_{op_type}"
        node = ir.node(op_type, list(inputs), attributes, domain=domain, name=name)
        node.outputs[0].name = output
        self.graph.insert_before(anchor, node)
        return node.outputs[0]

    def initializer(self, name: str, array: NDArray[Any] | np.generic) -> ir.Value:
        """Store `array` in the graph, named near `name`."""
        name = self._free(name)
        tensor = ir.tensor(array, name=name)
        value = ir.Value(
            name=name,
            type=ir.TensorType(tensor.dtype),
            shape=ir.Shape(array.shape),
            const_value=tensor,
        )
        self.graph.register_initializer(value)
        return value

    def constant(self, name: str, array: NDArray[Any] | np.generic) -> ir.Value:
        """Store `array` in the graph the first time; return the same value from then on."""
        if name not in self.constants:
            self.constants[name] = self.initializer(name, array)
        return self.constants[name]

    def _free(self, name: str) -> str:
        """Return `name`, or the first numbered one that no value has: a graph may hold anything."""
        numbered = (f"{name}_{number}" for number in itertools.count(2))
        free = next(n for n in itertools.chain([name], numbered) if n not in self._taken)
        self._taken.add(free)
        return free

    def replace(self, node: ir.Node, output: ir.Value) -> None:
        """Let `output` stand for `node`'s, a graph output included, and remove `node`."""
        ir.convenience.replace_nodes_and_values(
            self.graph, node, [node], [], [node.outputs[0]], [output]
        )


def weight_matrix(value: ir.Value | None) -> NDArray[np.float32] | None:
    """Return the float32 matrix that `value` holds, or ``None`` where it is anything else."""
    if not is_weight_matrix(value):
        return None
    assert value is not None
    assert value.const_value is not None
    return value.const_value.numpy()


def maker(value: ir.Value | None, op_type: str) -> ir.Node | None:
    """Return the operator that gives a value, if it is of this type."""
    node = value.producer() if value is not None else None
    return node if node is not None and node.op_type == op_type else None


def readers(value: ir.Value) -> list[Any]:
    """Return where the numbers of a value are read: onnx-ir's ``Usage(node, idx)``.

    Shape does not read them: exporters ask for the shape of any value that has the right one.
    """
    return [use for use in value.uses() if use.node.op_type != "Shape"]


def only_reader(value: ir.Value) -> ir.Node | None:
    """Return the operator that reads the numbers of a value, where there is one alone."""
    uses = readers(value)
    return uses[0].node if len(uses) == 1 and not value.is_graph_output() else None


def single_number(value: ir.Value | None) -> float | None:
    """Return what a constant holds, if that is a single number."""
    stored = value.const_value if value is not None else None
    return float(stored.numpy().item()) if stored is not None and stored.size == 1 else None


def sizes(value: ir.Value) -> tuple[int, ...]:
    """Return the shape of a stored constant."""
    assert value.const_value is not None
    return tuple(value.const_value.shape.numpy())


def is_weight_matrix(value: ir.Value | None) -> bool:
    """Say whether `value` is a stored float32 matrix."""
    if value is None or not value.is_initializer() or value.const_value is None:
        return False
    tensor = value.const_value
    return tensor.dtype == ir.DataType.FLOAT and len(tensor.shape) == 2


def drop_unused(graph: ir.Graph) -> None:
    """Remove operators and constants that nothing reads any more."""
    for node in reversed(graph):
        if not any(list(o.uses()) or o.is_graph_output() for o in node.outputs):
            graph.remove(node, safe=True)
    for name in [n for n, v in graph.initializers.items() if not list(v.uses())]:
        if not graph.initializers[name].is_graph_output():
            del graph.initializers[name]


def detach_constants(graph: ir.Graph) -> None:
    """Copy what a graph still holds of the file it was read from, so that the rest can be freed.

    A single constant in a parsed file keeps all of that file in memory.
    """
    for value in graph.initializers.values():
        if isinstance(value.const_value, ir.TensorProtoTensor):
            value.const_value = ir.tensor(value.const_value.numpy().copy(), name=value.name)
