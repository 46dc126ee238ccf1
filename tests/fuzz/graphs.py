"""A second mutator of ONNX: files that are sound protobuf, of graphs that are not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper

_DIMS = (0, 1, 2, 3, 15, 17, 64, 4096, -1, 2**31, 2**40)
_OPERATORS = (
    "Add", "MatMul", "Gather", "Softmax", "Reshape", "Transpose", "Slice", "Expand", "Identity",
    "LayerNormalization", "Loop", "If", "Shape", "Cast", "ArgMax", "Unknown",
)  # fmt: skip
_LOCATIONS = (
    "../edge_distil.json", "/etc/passwd", "model.onnx", "absent.bin", "", ".", "/dev/zero",
    "../../../../proc/self/mem", "a\0b", "\x1b[2J", "x" * 5000,
)  # fmt: skip
_NAMES = ("", "input_ids", "x", "\x1b[2J", "\u202e", "x" * 3000)
_VERSIONS = (-1, 0, 1, 7, 18, 25, 999, 2**62)


def damaged_graph(data: bytes, random: Random) -> bytes:
    """Return a model with one to three changes of its graph."""
    model = onnx.load_from_string(data)
    for _ in range(random.choice((1, 1, 2, 3))):
        random.choice(_CHANGES)(model, random)
    return bytes(model.SerializeToString())


def _tensor(graph: GraphProto, random: Random) -> TensorProto:
    return random.choice(list(graph.initializer) or [TensorProto()])


def _node(graph: GraphProto, random: Random) -> NodeProto:
    return random.choice(list(graph.node) or [NodeProto()])


def _swap_data(model: ModelProto, random: Random) -> None:
    """Let two tensors change their bytes: of another length or type than they say."""
    one, other = _tensor(model.graph, random), _tensor(model.graph, random)
    one.raw_data, other.raw_data = other.raw_data, one.raw_data


def _swap_names(model: ModelProto, random: Random) -> None:
    one, other = _tensor(model.graph, random), _tensor(model.graph, random)
    one.name, other.name = other.name, one.name


def _shape(model: ModelProto, random: Random) -> None:
    dims = _tensor(model.graph, random).dims
    kind = random.randrange(4)
    if kind == 0 and dims:
        dims[random.randrange(len(dims))] = random.choice(_DIMS)
    elif kind == 1:
        dims.append(random.choice(_DIMS))
    elif kind == 2 and dims:
        dims.pop()
    else:
        dims[:] = dims[::-1]


def _type(model: ModelProto, random: Random) -> None:
    _tensor(model.graph, random).data_type = random.randrange(-1, 30)


def _values(model: ModelProto, random: Random) -> None:
    """NaN, infinity, zeros and others all through a tensor."""
    tensor = _tensor(model.graph, random)
    four = random.choice(
        (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\0\0", b"\xff\xff\x7f\x7f", b"\xff\xff\xff\xff")
    )
    tensor.raw_data = four * (len(tensor.raw_data) // 4)


def _outside(model: ModelProto, random: Random) -> None:
    """Say that a tensor's bytes are in another file."""
    tensor = _tensor(model.graph, random)
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    entries = {
        "location": random.choice(_LOCATIONS),
        "offset": str(random.choice((0, 1, -1, 2**62, 2**64, "x"))),
        "length": str(random.choice((0, 4, len(tensor.raw_data), -1, 2**40, 2**64, ""))),
        "checksum": "x",
    }
    for key in random.sample(sorted(entries), random.randrange(1, 5)):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, entries[key]
    if random.random() < 0.7:
        tensor.ClearField("raw_data")


def _operator(model: ModelProto, random: Random) -> None:
    node = _node(model.graph, random)
    if random.random() < 0.6:
        node.op_type = random.choice(_OPERATORS)
    else:
        node.domain = random.choice(("", "com.microsoft", "ai.onnx.ml", "a.stranger", "\x1b[2J"))


def _wiring(model: ModelProto, random: Random) -> None:
    """Lead an edge elsewhere; a circle is one of the ways."""
    node, other = _node(model.graph, random), _node(model.graph, random)
    names = [*other.input, *other.output, *_NAMES]
    ends = node.input if random.random() < 0.7 else node.output
    if ends:
        ends[random.randrange(len(ends))] = random.choice(names)


def _nodes(model: ModelProto, random: Random) -> None:
    nodes = list(model.graph.node)
    kind = random.randrange(3)
    if kind == 0 and nodes:
        nodes.pop(random.randrange(len(nodes)))
    elif kind == 1:
        nodes += [_node(model.graph, random)] * random.choice((1, 2, 500))
    else:
        random.shuffle(nodes)
    copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _attribute(model: ModelProto, random: Random) -> None:
    nodes = [node for node in model.graph.node if node.attribute]
    if not nodes:
        return
    attribute = random.choice(list(random.choice(nodes).attribute))
    kind = random.randrange(4)
    if kind == 0:
        attribute.i = random.choice((-99, -1, 0, 1, 5, 2**40))
    elif kind == 1:
        attribute.ints[:] = [random.choice(_DIMS) for _ in range(random.randrange(6))]
    elif kind == 2:
        attribute.type = random.randrange(0, 16)
    else:
        attribute.name = random.choice(_NAMES)


def _ends(model: ModelProto, random: Random) -> None:
    """Other inputs and outputs: names, types, ranks, numbers."""
    ends = model.graph.input if random.random() < 0.5 else model.graph.output
    kind = random.randrange(5)
    if not ends or kind == 0:
        ends.append(helper.make_tensor_value_info("extra", TensorProto.FLOAT, [None, 3]))
        return
    end = random.choice(list(ends))
    if kind == 1:
        end.name = random.choice(
            [*_NAMES, *(node.output[0] for node in model.graph.node if node.output)]
        )
    elif kind == 2:
        end.type.tensor_type.elem_type = random.randrange(0, 24)
    elif kind == 3:
        end.type.tensor_type.shape.dim.add().dim_value = random.choice(_DIMS)
    else:
        ends.remove(end)


def _versions(model: ModelProto, random: Random) -> None:
    if random.random() < 0.3:
        model.ir_version = random.choice(_VERSIONS)
    elif random.random() < 0.5 and model.opset_import:
        random.choice(list(model.opset_import)).version = random.choice(_VERSIONS)
    else:
        entry = model.opset_import.add()
        entry.domain, entry.version = random.choice(("", "com.microsoft", "a.stranger")), 1


def _metadata(model: ModelProto, random: Random) -> None:
    entry = model.metadata_props.add()
    entry.key, entry.value = random.choice(_NAMES), "\x1b]0;title\x07" * random.choice((1, 10_000))


_CHANGES: tuple[Callable[[ModelProto, Random], None], ...] = (
    _swap_data, _swap_names, _shape, _type, _values, _outside, _operator, _wiring, _nodes,
    _attribute, _ends, _versions, _metadata,
)  # fmt: skip
