"""A graph run piece by piece on many inputs, all of them through a piece before the next one.

So the activations of one layer alone are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
from numpy.typing import NDArray

from edge_distil import hardware
from edge_distil_quantize.recipe import Feeds

Array = NDArray[Any]
# Numbers; a larger constant is fed as an input, so that no session keeps copies of it.
_LARGE = 1 << 14
_AHEAD = 4  # inputs run for each thread before they are given on
_ERRORS_ONLY = 3  # onnxruntime's log level


class Walk:
    """The way of many inputs through a graph.

    Args:
        model: The graph, not to be changed on the way.
        inputs: Graph inputs, one text each.
        goals: Names of the values that will be asked for; nothing else is computed.
    """

    def __init__(self, model: ir.Model, inputs: Sequence[Feeds], goals: Collection[str]) -> None:
        kinds = {v.name: v.dtype.numpy() if v.dtype else np.int64 for v in model.graph.inputs}
        self._opset = model.opset_imports.get("", 18)
        self._values = {str(v.name): v for node in model.graph for v in node.outputs}
        self._held: list[dict[str, Array]] = [
            {
                name: ids.astype(kinds[name], copy=False)
                for name, ids in feeds.items()
                if name in kinds
            }
            for feeds in inputs
        ]
        self._goals = set(goals)
        self._ahead = self._makers(model.graph, goals)

    def advance(self, wanted: Sequence[str]) -> Iterator[dict[str, Array]]:
        """Run what `wanted` needs and has not run yet; to be exhausted before the next call.

        Args:
            wanted: Names of values, among the goals.

        Yields:
            For each input: name -> array.
        """
        piece = self._makers(self._ahead, wanted)
        self._ahead = [node for node in self._ahead if node not in set(piece)]
        self._goals -= set(wanted)
        later = {str(v.name) for node in self._ahead for v in node.inputs if v is not None}
        later |= self._goals
        made = {str(v.name) for node in piece for v in node.outputs}
        outputs = sorted(made & (later | set(wanted)))
        session = _Piece(piece, self._opset, outputs, self._held[0]) if piece else None
        for held in self._ran(session):
            yield {name: held[name] for name in wanted}
            for name in held.keys() - later:
                del held[name]

    def _ran(self, session: _Piece | None) -> Iterator[dict[str, Array]]:
        """Yield what is held of each input, with what a piece makes of it.

        Inputs are run beside each other: threads within an operator would wait for one another.
        """
        threads = hardware.threads()
        some = _AHEAD * threads
        with ThreadPoolExecutor(threads) as pool:
            for start in range(0, len(self._held), some):
                group = self._held[start : start + some]
                if session is not None:
                    for held, arrays in zip(group, pool.map(session.run, group), strict=True):
                        held.update(arrays)
                yield from group

    def _makers(self, nodes: Collection[ir.Node] | ir.Graph, goals: Collection[str]) -> list[Any]:
        """Return those of `nodes` that `goals` come from, in order."""
        needed: set[ir.Node] = set()
        stack = [self._values[name].producer() for name in goals if name in self._values]
        among = set(nodes)
        while stack:
            node = stack.pop()
            if node is None or node in needed or node not in among:
                continue
            needed.add(node)
            stack += [v.producer() for v in node.inputs if v is not None]
        return [node for node in nodes if node in needed]


class _Piece:
    """A session for some operators of a graph.

    Args:
        nodes: In order.
        opset: Their opset.
        outputs: Names of the values to give.
        example: Values at hand, for the types of those that are read.
    """

    def __init__(
        self, nodes: Sequence[ir.Node], opset: int, outputs: list[str], example: Mapping[str, Array]
    ) -> None:
        made = {v for node in nodes for v in node.outputs}
        read = {v.name: v for n in nodes for v in n.inputs if v is not None and v not in made}
        tensors = {str(v.name): v.const_value for v in read.values() if v.const_value is not None}
        self._outputs = outputs
        self._stored = {n: t.numpy() for n, t in tensors.items() if t.size > _LARGE}
        small = [t for name, t in tensors.items() if name not in self._stored]
        self._read = [str(name) for name in read if name not in tensors]
        arrays = {**{name: example[name] for name in self._read}, **self._stored}
        self._session = _session(nodes, opset, outputs, arrays, small)

    def run(self, held: Mapping[str, Array]) -> dict[str, Array]:
        """Return name -> array of every output."""
        feeds = {**{name: held[name] for name in self._read}, **self._stored}
        return dict(zip(self._outputs, self._session.run(self._outputs, feeds), strict=True))


def _session(
    nodes: Sequence[ir.Node],
    opset: int,
    outputs: Sequence[str],
    arrays: Mapping[str, Array],
    constants: Sequence[ir.TensorProtocol],
) -> ort.InferenceSession:
    graph = onnx.helper.make_graph(
        [ir.serde.serialize_node(node) for node in nodes],
        "piece",
        [_described(name, array) for name, array in arrays.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],  # onnxruntime infers the types
        [ir.serde.serialize_tensor(constant) for constant in constants],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
    model.ir_version = 10
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_mem_pattern = False
    options.enable_cpu_mem_arena = False
    options.log_severity_level = _ERRORS_ONLY
    return ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def _described(name: str, array: Array) -> onnx.ValueInfoProto:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(array.dtype))
    return onnx.helper.make_tensor_value_info(name, kind, [None] * array.ndim)
