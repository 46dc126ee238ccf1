"""Sensitivity figures beside numpy's, scipy's and onnxruntime's own for the same things."""

from __future__ import annotations

import json
import math
import shutil
from functools import cache

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
import scipy.stats
import shelf
from onnx import numpy_helper
from outliers import break_bundle
from safetensors.numpy import load_file

from edge_distil.bundle import open_bundle
from edge_distil_quantize import describe_sensitivity
from edge_distil_quantize.calibration.inputs import calibration_inputs
from edge_distil_quantize.rewrites.operators import find_operators
from edge_distil_quantize.sensitivity.candidates import open_workbench
from edge_distil_quantize.sensitivity.node_times import by_operator, node_times, owners_of_nodes
from edge_distil_quantize.sensitivity.outliers import measure_activations, ranges_of

pytestmark = pytest.mark.wide

KINDS = ["qa", "tied", "shared"]


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A file of two texts for every task."""
    path = tmp_path_factory.mktemp("texts") / "texts.txt"
    path.write_text("what is a\tbed a cab.\nwho did it, then?\tan odd fox did\n")
    return path


@pytest.fixture(scope="module")
def described(exported, texts, tmp_path_factory):
    """Give the int8 bundle of a kind and its sensitivity document, measured once."""

    @cache
    def of(kind):
        folder = shutil.copytree(exported(kind), tmp_path_factory.mktemp("sensitivity") / kind)
        opened = shelf.quantize(folder, calibrate=False)
        return opened, describe_sensitivity(opened, data=texts, calibrate=False)

    return of


def operators_of(bundle):
    return find_operators(ir.from_proto(onnx.load(bundle.model_path("fp32"))).graph)


def run(path, names, inputs):
    """Give arrays of a model's values, inputs along a list, as onnxruntime computes them."""
    model = onnx.load(path)
    outputs = {o.name for o in model.graph.output}
    for name in set(names) - outputs:
        kind = onnx.TensorProto.FLOAT
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = {i.name for i in session.get_inputs()}
    return [session.run(names, {k: v for k, v in feeds.items() if k in wanted}) for feeds in inputs]


def relative(exact, other):
    """Squared error over squared magnitude, over a list of arrays."""
    a = np.concatenate([x.ravel() for x in exact]).astype(np.float64)
    b = np.concatenate([x.ravel() for x in other]).astype(np.float64)
    return np.linalg.norm(b - a) ** 2 / np.linalg.norm(a) ** 2


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_the_checkpoints_names(exported, kind):
    bundle = open_bundle(exported(kind))
    weights = load_file(bundle.path.parent / "checkpoint" / "model.safetensors")
    operators = operators_of(bundle)
    for operator in operators:
        label = operator.label.partition(" (pass ")[0]
        matching = [n for n in weights if n.endswith((f"{label}.weight", f"{label}.bias"))]
        assert matching, operator
    assert len({o.label for o in operators}) == len(operators)
    layers = {"qa": 2, "tied": 2, "shared": 3}[kind]
    assert {o.layer for o in operators} == {None, *range(layers)}


@pytest.mark.parametrize("kind", KINDS)
def test_errors_equal_those_of_a_variant_with_that_operator_alone(described, bundle, texts, kind):
    opened, document = described(kind)
    operators, inputs = operators_of(opened), calibration_inputs(opened, texts)
    names, fp32 = list(opened.manifest.outputs), opened.model_path("fp32")
    for operator in (operators[0], operators[-1]):
        others = {o.name for o in operators} - {operator.name}
        alone = shelf.quantize(bundle(kind), calibrate=False, keep=others).model_path("int8")
        runs = [run(path, [operator.output, *names], inputs) for path in (fp32, alone)]
        exact, got = (list(zip(*each, strict=True)) for each in runs)
        errors = [relative(a, b) for a, b in zip(exact, got, strict=True)]
        found = next(o for o in document["operators"] if o["name"] == operator.name)
        assert found["error"] == pytest.approx(errors[0], rel=1e-3)
        assert found["output_error"] == pytest.approx(np.mean(errors[1:]), rel=1e-3)
        shutil.rmtree(alone.parents[1])


def test_an_outlier_shows_where_it_is(bundle, texts):
    opened = shelf.quantize(break_bundle(bundle("qa"), "node_layer_norm_1"), calibrate=False)
    document = describe_sensitivity(opened, data=texts, calibrate=False)
    worst = max(document["operators"], key=lambda o: o["error"])
    assert worst["label"] == "transformer.layer.0.ffn.lin1"
    assert worst["activation"]["channel_ratio"] > 20


def test_activation_ranges_equal_scipys(bundle, texts):
    opened = bundle("qa")
    with open_workbench(opened, "int8", texts, False) as bench:
        found = measure_activations(bench)
    names = list(found)
    runs = run(opened.model_path("fp32"), names, calibration_inputs(opened, texts))
    for name, arrays in zip(names, zip(*runs, strict=True), strict=True):
        rows = np.concatenate([a.reshape(-1, a.shape[-1]) for a in arrays]).astype(np.float64)
        peaks = np.abs(rows).max(axis=0)
        ranges = found[name]
        assert (ranges.least, ranges.greatest) == pytest.approx((rows.min(), rows.max()))
        assert ranges.kurtosis == pytest.approx(scipy.stats.kurtosis(rows.ravel(), fisher=False))
        assert ranges.p999 == pytest.approx(np.percentile(np.abs(rows), 99.9))
        assert ranges.channel == peaks.argmax()
        assert ranges.channel_ratio == pytest.approx(peaks.max() / np.median(peaks))


def test_the_percentile_of_many_values_is_near_numpys():
    values = np.random.default_rng(0).standard_normal((4000, 64)).astype(np.float32)
    exact = np.percentile(np.abs(values), 99.9)
    assert ranges_of(values).p999 == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_every_added_node_belongs_to_an_operator(described, kind):
    opened, _ = described(kind)
    exact, made = (onnx.load(opened.model_path(v)) for v in ("fp32", "int8"))
    operators = operators_of(opened)
    owners = owners_of_nodes(made, exact, operators)
    original = {node.name for node in exact.graph.node}
    assert {n.name for n in made.graph.node} - original <= owners.keys()
    products = [n.name for n in made.graph.node if n.op_type == "MatMulInteger"]
    assert all(len(owners[name]) == 1 for name in products)
    assert sum(not o.is_table for o in operators) == len(products)
    before = owners_of_nodes(exact, exact, operators)
    assert {o.name for o in operators} <= before.keys()
    assert not any(len(names) > 1 for names in before.values())


def test_times_of_nodes_are_shared_out(described, texts, tmp_path):
    opened, _ = described("qa")
    path = opened.model_path("int8")
    times = node_times(path, calibration_inputs(opened, texts), tmp_path)
    owners = owners_of_nodes(
        onnx.load(path), onnx.load(opened.model_path("fp32")), operators_of(opened)
    )
    shares, whole = by_operator(times, owners)
    assert shares.keys() == {o.name for o in operators_of(opened)}
    assert 0 < sum(shares.values()) < whole == pytest.approx(sum(times.values()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_document_is_complete_and_plain_json(described, kind):
    opened, document = described(kind)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["schema_version"] == 1
    assert document["texts"] == 2
    assert document["variant"]["error"] == document["variant"]["error_plain"] > 0
    for operator, described in zip(operators_of(opened), document["operators"], strict=True):
        assert described["name"] == operator.name
        assert described["sqnr_db"] == pytest.approx(-10 * math.log10(described["error"]))
        assert (described["activation"] is None) == operator.is_table
    stored = onnx.load(opened.model_path("fp32")).graph.initializer
    sizes = {t.name: numpy_helper.to_array(t).nbytes for t in stored}
    expected = sum(sizes[name] for name in {o.weight for o in operators_of(opened)})
    assert sum(o["fp32_bytes"] for o in document["operators"]) == pytest.approx(expected, abs=99)
