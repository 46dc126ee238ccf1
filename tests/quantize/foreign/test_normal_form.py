"""Graphs as other exporters write them, in the form that the recipes know: the same numbers.

The witness is onnxruntime on the graph as it was written.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from edge_distil_quantize.reading.model import read_model

WIDTH = 8
ROUNDING = 1e-6  # float32 in another order; the values are of size 1

MEAN = "mean = ReduceMean<axes = [-1]>(x) d = Sub(x, mean)"
SQUARES = {"pow": "two = Constant<value_float = 2.0>() p = Pow(d, two)", "mul": "p = Mul(d, d)"}
VARIANCE = "var = ReduceMean<axes = [-1], keepdims = 1>(p)"
ROOTS = {
    "epsilon last": "eps = Constant<value_float = {epsilon}>() v = Add(var, eps) s = Sqrt(v)",
    "epsilon first": "eps = Constant<value_float = {epsilon}>() v = Add(eps, var) s = Sqrt(v)",
}
QUOTIENTS = {"div": "q = Div(d, s)", "reciprocal": "r = Reciprocal(s) q = Mul(d, r)"}
ENDS = {
    "scale and bias": ("g = Mul(q, scale) y = Add(g, bias)", 3),
    "the other way round": ("g = Mul(scale, q) y = Add(bias, g)", 3),
    "no bias": ("y = Mul(q, scale)", 2),
    "a residual is no bias": ("g = Mul(q, scale) y = Add(g, x)", 2),
}


def graph(body: str, *, opset: int = 13, output: str = "y") -> onnx.ModelProto:
    model = onnx.parser.parse_model(
        f"""<ir_version: 7, opset_import: ["" : {opset}], producer_name: "pytorch">
        g (float[b, s, {WIDTH}] x) => (float[b, s, n] {output})
        <float[{WIDTH}] scale, float[{WIDTH}] bias, float[{WIDTH}, 64] weight> {{ {body} }}"""
    )
    generator = np.random.default_rng(2)
    del model.graph.initializer[:]
    for name, shape in (("scale", (WIDTH,)), ("bias", (WIDTH,)), ("weight", (WIDTH, 64))):
        array = generator.normal(1, 0.5, shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    return model


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def read(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    onnx.save(model, folder / "model.onnx")
    return ir.to_proto(read_model(folder / "model.onnx"))


def same(model: onnx.ModelProto, folder: Path, scale: float = 1.0) -> Counter[str]:
    """Compare a graph with its normal form; return what that consists of."""
    found = read(model, folder)
    onnx.checker.check_model(found)
    x = np.random.default_rng(3).normal(0, scale, (3, 5, WIDTH)).astype(np.float32)
    np.testing.assert_allclose(run(found, x), run(model, x), rtol=0, atol=ROUNDING)
    assert [o.name for o in found.graph.output] == [o.name for o in model.graph.output]
    return Counter(node.op_type for node in found.graph.node)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("quotient", QUOTIENTS)
@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize("square", SQUARES)
def test_a_layer_norm_that_is_spelled_out(
    square: str, root: str, quotient: str, end: str, tmp_path: Path
) -> None:
    last, inputs = ENDS[end]
    parts = (MEAN, SQUARES[square], VARIANCE, ROOTS[root].format(epsilon="1e-5"))
    model = graph(" ".join([*parts, QUOTIENTS[quotient], last]))
    counts = same(model, tmp_path)
    assert counts["LayerNormalization"] == 1
    assert not {"ReduceMean", "Sqrt", "Pow", "Constant"} & counts.keys()
    [norm] = [n for n in read(model, tmp_path).graph.node if n.op_type == "LayerNormalization"]
    assert len(norm.input) == inputs


def test_a_small_epsilon_counts(tmp_path: Path) -> None:
    """onnxscript's rules take 1e-12 for 0 and drop it; BERT's is that, and of rows of zeros NaN."""
    root = ROOTS["epsilon last"].format(epsilon="1e-12")
    whole = [MEAN, SQUARES["pow"], VARIANCE, root, QUOTIENTS["div"], ENDS["scale and bias"][0]]
    same(graph(" ".join(whole)), tmp_path, scale=1e-6)
    alone = "eps = Constant<value_float = 1e-12>() p = Mul(x, x) v = Add(p, eps) y = Sqrt(v)"
    model = graph(alone)
    x = np.zeros((1, 1, WIDTH), np.float32)
    assert (run(read(model, tmp_path), x) == run(model, x)).all()
    assert run(model, x).min() > 0


@pytest.mark.parametrize(
    "body",
    [
        " ".join([MEAN.replace("-1", "1"), SQUARES["pow"], VARIANCE.replace("-1", "1"),
                  ROOTS["epsilon last"].format(epsilon="1e-5"), QUOTIENTS["div"],
                  ENDS["scale and bias"][0]]),
        "two = Constant<value_float = 2.0>() p = Pow(x, two) " + VARIANCE
        + ROOTS["epsilon last"].format(epsilon="1e-5") + " q = Div(x, s) y = Mul(q, scale)",
        " ".join([MEAN, "three = Constant<value_float = 3.0>() p0 = Abs(d) p = Pow(p0, three)",
                  VARIANCE, ROOTS["epsilon last"].format(epsilon="1e-5"), QUOTIENTS["div"],
                  "y = Mul(q, scale)"]),
    ],
    ids=["another axis", "no mean is taken off", "another power"],
)  # fmt: skip
def test_what_is_no_layer_norm_stays(body: str, tmp_path: Path) -> None:
    assert same(graph(body), tmp_path)["LayerNormalization"] == 0


def test_what_is_read_inside_of_a_layer_norm_stays(tmp_path: Path) -> None:
    parts = [MEAN, SQUARES["pow"], VARIANCE, ROOTS["epsilon last"].format(epsilon="1e-5")]
    body = " ".join([*parts, QUOTIENTS["div"], "g = Mul(q, scale) z = Add(g, bias) y = Add(z, d)"])
    assert same(graph(body), tmp_path) == {"LayerNormalization": 1, "ReduceMean": 1, "Sub": 1,
                                           "Add": 1}  # fmt: skip


@pytest.mark.parametrize("opset", [11, 12, 13, 17, 18])
@pytest.mark.parametrize("axis", [-1, 2])
def test_a_softmax_over_the_last_axis_is_one_operator(
    opset: int, axis: int, tmp_path: Path
) -> None:
    counts = same(
        graph(f"p = MatMul(x, weight) y = Softmax<axis = {axis}>(p)", opset=opset), tmp_path
    )
    assert counts == {"MatMul": 1, "Softmax": 1}


def test_a_softmax_of_old_over_two_axes_at_once(tmp_path: Path) -> None:
    assert same(graph("y = Softmax<axis = 1>(x)", opset=11), tmp_path)["Softmax"] == 1


def test_equal_weights_are_stored_once(tmp_path: Path) -> None:
    """An exporter that has copied them (a shared layer) doubles the file."""
    model = graph("p = MatMul(x, weight) q = MatMul(x, copy) y = Sub(p, q)")
    copy = onnx.TensorProto()
    copy.CopyFrom(next(t for t in model.graph.initializer if t.name == "weight"))
    copy.name = "copy"
    model.graph.initializer.append(copy)
    same(model, tmp_path)
    stored = [t for t in read(model, tmp_path).graph.initializer if len(t.dims) == 2]
    assert len(stored) == 1


@pytest.mark.parametrize("tied", [True, False])
def test_a_tied_head_is_stored_once(tied: bool, tmp_path: Path) -> None:
    """torch's first exporter stores its weight again, transposed."""
    model = onnx.parser.parse_model(
        """<ir_version: 7, opset_import: ["" : 13], producer_name: "pytorch">
        g (int64[b, s] ids) => (float[b, s, n] y)
        { x = Gather(table, ids) y = MatMul(x, head) }"""
    )
    table = np.random.default_rng(5).normal(0, 1, (500, 40)).astype(np.float32)
    head = table.T.copy() if tied else table.T + np.float32(1e-3)
    for name, array in (("table", table), ("head", head)):
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    found = read(model, tmp_path)
    ids = np.arange(12).reshape(2, 6)
    wanted, given = (
        ort.InferenceSession(each.SerializeToString()).run(None, {"ids": ids})[0]
        for each in (model, found)
    )
    np.testing.assert_allclose(given, wanted, rtol=0, atol=1e-5)
    assert len(found.graph.initializer) == (1 if tied else 2)


def test_constants_that_are_inputs_as_well(tmp_path: Path) -> None:
    """Before IR version 4 every initializer was a graph input."""
    model = graph("y = MatMul(x, weight)")
    shape = onnx.helper.make_tensor_value_info("weight", onnx.TensorProto.FLOAT, [WIDTH, 64])
    model.graph.input.append(shape)
    same(model, tmp_path)
    assert [i.name for i in read(model, tmp_path).graph.input] == ["x"]


def test_ours_is_read_as_it_is(tiny: Path) -> None:
    for path in sorted(tiny.glob("*/onnx/model.onnx")):
        expected, found = onnx.load(path), ir.to_proto(read_model(path))
        assert found.graph.node == expected.graph.node
        stored = [(t.name, numpy_helper.to_array(t).tobytes()) for t in found.graph.initializer]
        exact = expected.graph.initializer
        assert stored == [(t.name, numpy_helper.to_array(t).tobytes()) for t in exact]


def test_each_constant_is_called_as_its_value_is(tmp_path: Path) -> None:
    """A Constant's tensor has no name; a piece of a graph is run by the names of what it reads."""
    body = " ".join([MEAN, SQUARES["pow"], "y = Mul(p, two)"])
    onnx.save(graph(body), tmp_path / "model.onnx")
    stored = read_model(tmp_path / "model.onnx").graph.initializers
    assert {n: v.const_value.name for n, v in stored.items() if v.const_value} == {
        n: n for n in stored
    }
