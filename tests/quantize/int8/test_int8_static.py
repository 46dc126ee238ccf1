"""``int8-static``: what stands in the file, the scales it was given, and how near it stays."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
import shelf
from onnx import numpy_helper
from onnxruntime.quantization.quant_utils import compute_scale_zp

from edge_distil._writing import storage
from edge_distil.errors import QuantizeError
from edge_distil_quantize import quantize_bundle
from edge_distil_quantize.calibration.inputs import calibration_inputs
from edge_distil_quantize.calibration.static_ranges import PERCENTILE, activation_ranges
from edge_distil_quantize.rewrites.qdq import FEWEST_STEPS

pytestmark = pytest.mark.wide

TEXTS = "who?\tit was ada, in 1840.\nwhat is it?\ta box of 3 red pens!\nwhere?\tno, not here\n"
KINDS = ["qa", "tied", "shared"]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text(TEXTS)
    return path


def run(model, feeds, *, optimise=True):
    options = ort.SessionOptions()
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = [o.name for o in session.get_outputs()]
    taken = {i.name: feeds[i.name] for i in session.get_inputs()}
    return dict(zip(names, session.run(names, taken), strict=True))


def constants(model):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def of_type(model, kind):
    return [node for node in model.graph.node if node.op_type == kind]


def fp32_activations(bundle, names, data=None):
    """Every named value, over all calibration texts, computed by onnxruntime in fp32."""
    model = onnx.load(bundle.model_path("fp32"))
    given = {o.name for o in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in given)
    found = [run(model, feeds) for feeds in calibration_inputs(bundle, data)]
    return {name: np.concatenate([f[name].ravel() for f in found]) for name in names}


@pytest.mark.parametrize("kind", KINDS)
def test_standard_operators_that_the_checker_accepts(bundle, data, kind):
    quantized = shelf.quantize(bundle(kind), "int8-static", data=data)
    model = onnx.load(quantized.model_path("int8-static"))

    onnx.checker.check_model(model, full_check=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert {entry.domain for entry in model.opset_import} == {""}
    assert quantized.model_path("int8-static").stat().st_size < 0.5 * (
        quantized.model_path("fp32").stat().st_size
    )


@pytest.mark.parametrize("method", ["minmax", "percentile"])
def test_the_same_bytes_every_time(bundle, data, method):
    opened = bundle("qa")

    files = [
        quantize_bundle(opened, "int8-static", data=data, method=method)
        .manifest.variants["int8-static"]
        .file
        for _ in range(2)
    ]

    assert files[0] == files[1]
    assert files[0].sha256 == storage.sha256(opened.path / files[0].path)


def test_the_scales_follow_the_texts(bundle, data):
    opened = bundle("qa")

    files = [
        shelf.quantize(opened, "int8-static", data=texts).manifest.variants["int8-static"].file
        for texts in (data, None)
    ]

    assert files[0].sha256 != files[1].sha256


@pytest.mark.parametrize("kind", KINDS)
def test_minmax_scales_are_those_of_the_fp32_activations(bundle, data, kind):
    opened = bundle(kind)
    fp32 = onnx.load(opened.model_path("fp32"))
    stored = {t.name for t in fp32.graph.initializer}
    products = [
        node
        for node in fp32.graph.node
        if node.op_type in ("MatMul", "Gemm") and node.input[0] not in stored
    ]
    wanted = {name for node in products for name in (node.input[0], node.output[0])}
    seen = fp32_activations(opened, sorted(wanted), data)

    quantized = shelf.quantize(opened, "int8-static", data=data, method="minmax")
    model = onnx.load(quantized.model_path("int8-static"))
    values, found = constants(model), set()
    for node in of_type(model, "QuantizeLinear"):
        name = node.input[0].removesuffix("_product")
        array = seen[name]
        zero_point, scale = compute_scale_zp(
            np.float32(min(array.min(), 0)), np.float32(max(array.max(), 0)), np.int64(0),
            np.int64(255),
        )  # fmt: skip
        assert values[node.input[1]] == pytest.approx(float(scale), rel=1e-5)
        assert abs(int(values[node.input[2]]) - int(zero_point)) <= 1  # on the border of two
        if node.input[0].endswith("_product"):
            assert array.std() >= FEWEST_STEPS * scale
        found.add(name)
    assert len(found) >= {"qa": 18, "tied": 20, "shared": 20}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_attention_and_its_mask_stay_float(bundle, data, kind):
    quantized = shelf.quantize(bundle(kind), "int8-static", data=data)
    model = onnx.load(quantized.model_path("int8-static"))
    makers = {output: node for node in model.graph.node for output in node.output}
    values = constants(model)

    dequantized = {n.output[0] for n in of_type(model, "DequantizeLinear")}
    attention = [n for n in of_type(model, "MatMul") if not dequantized & set(n.input)]
    softmax = of_type(model, "Softmax")
    # Scores and values of each layer; a head of few outputs keeps its stored weight.
    assert len([n for n in attention if n.input[1] in makers]) == 2 * len(softmax) > 0
    for node in of_type(model, "QuantizeLinear"):
        assert values[node.input[1]] < 1
        assert makers[node.input[0]].op_type not in ("Softmax", "Where")


@pytest.mark.parametrize(
    ("kind", "method"), [("qa", "minmax"), ("tied", "minmax"),
                         ("shared", "percentile")]
)  # fmt: skip
def test_outputs_are_near_fp32_fused_or_not(bundle, data, kind, method):
    opened = bundle(kind)
    quantized = shelf.quantize(opened, "int8-static", data=data, method=method)
    exact, near = (onnx.load(quantized.model_path(name)) for name in ("fp32", "int8-static"))

    for feeds in calibration_inputs(opened, data):
        expected = run(exact, feeds)
        for optimise in (True, False):
            for name, found in run(near, feeds, optimise=optimise).items():
                a, b = expected[name].ravel(), found.ravel()
                assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.97


def test_percentiles_cut_their_share_off_both_ends(bundle):
    opened = bundle("qa")
    fp32 = onnx.load(opened.model_path("fp32"))
    names = [node.output[0] for node in of_type(fp32, "MatMul")][:4]

    found = activation_ranges(ir.from_proto(fp32), calibration_inputs(opened), names, "percentile")

    share = (100 - PERCENTILE) / 200
    for name, array in fp32_activations(opened, names).items():
        least, greatest, deviation = found[name]
        width = 2 * np.abs(array).max() / 2048  # of a bin in the library's histogram, at most
        assert array.min() <= least < greatest <= array.max()
        assert np.mean(array < least) <= share <= np.mean(array < least + width)
        assert np.mean(array > greatest + width) <= share <= np.mean(array > greatest - width)
        assert deviation == pytest.approx(array.std(dtype=np.float64), rel=1e-6)


def test_entropy_narrows_ranges_with_outliers(bundle):
    opened = bundle("qa")
    fp32 = onnx.load(opened.model_path("fp32"))
    weight = next(n for n in of_type(fp32, "MatMul") if n.input[1] in constants(fp32))
    for tensor in fp32.graph.initializer:
        if tensor.name == weight.input[1]:
            matrix = numpy_helper.to_array(tensor).copy()
            matrix[:, 0] *= 50  # one channel's values are outliers
            tensor.CopyFrom(numpy_helper.from_array(matrix, tensor.name))
    inputs, names = calibration_inputs(opened), [weight.output[0]]

    widest, narrowed = (
        activation_ranges(ir.from_proto(fp32), inputs, names, method)[names[0]]
        for method in ("minmax", "entropy")
    )

    assert widest.least <= narrowed.least
    assert narrowed.greatest - narrowed.least < 0.75 * (widest.greatest - widest.least)


def test_a_kept_operator_has_no_scales(bundle, data):
    opened = bundle("qa")
    fp32 = onnx.load(opened.model_path("fp32"))
    stored = {t.name for t in fp32.graph.initializer}
    kept = next(n for n in of_type(fp32, "MatMul") if n.input[1] in stored)

    quantized = shelf.quantize(opened, "int8-static", data=data, keep=[kept.name])

    model = onnx.load(quantized.model_path("int8-static"))
    assert (
        next(n for n in of_type(model, "MatMul") if n.name == kept.name).input[1] == kept.input[1]
    )


def test_calibration_is_required(bundle):
    with pytest.raises(QuantizeError, match="cannot be made without calibrating"):
        quantize_bundle(bundle("qa"), "int8-static", calibrate=False)


def test_an_unknown_method_is_named(bundle, data, digest):
    opened = bundle("qa")
    before = digest(opened.path)

    with pytest.raises(QuantizeError, match="'median': choose one of minmax, percentile, entropy"):
        quantize_bundle(opened, "int8-static", data=data, method="median")

    assert digest(opened.path) == before
