"""What is done to the fp32 graph before rounding, against the graph as it was."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime as ort
import pytest
import shelf

from edge_distil_quantize.calibration import single_pass
from edge_distil_quantize.calibration.attention import drop_bias, find_attentions
from edge_distil_quantize.calibration.balance import balanced, choose_smoothing
from edge_distil_quantize.calibration.inputs import calibration_inputs
from edge_distil_quantize.calibration.known import Known
from edge_distil_quantize.calibration.piecewise import Walk
from edge_distil_quantize.rewrites.activation import Grid
from edge_distil_quantize.rewrites.matmul import find_targets

SAME = 1e-5  # relative to the largest output: float32 in another order
GRID = Grid(128, None)


def outputs(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    runner = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return runner.run(None, {i.name: feeds[i.name] for i in runner.get_inputs()})


def prepared(opened):
    """Return the graph, what was done to it, and inputs; biases and shifts as in real models."""
    model = ir.from_proto(onnx.load(opened.model_path("fp32")))
    generator = np.random.default_rng(7)
    for node in model.graph:  # trained layer norms are not all ones
        if node.op_type == "LayerNormalization":
            for value in node.inputs[1:3]:
                array = value.const_value.numpy() + generator.normal(0, 0.5, value.shape)
                value.const_value = ir.tensor(array.astype(np.float32), name=value.name)
    before = ir.to_proto(model)
    inputs = calibration_inputs(opened)[:20]
    targets = find_targets(model.graph)
    done, _ = single_pass.run(model, inputs, Known(), str, smoothed=targets, rounded=())
    return before, model, done, inputs


@pytest.mark.parametrize(
    ("kind", "norms", "values", "biases"),
    [("qa", 4, 2, 4), ("tied", 5, 2, 4), ("classifier", 4, 2, 4), ("shared", 1, 0, 6)],
)
def test_the_graph_computes_what_it_did(bundle, kind, norms, values, biases):
    before, model, done, inputs = prepared(bundle(kind))
    after = ir.to_proto(model)
    assert (len(done.norms), len(done.values), done.biases) == (norms, values, biases)
    assert all(smoothing.pays for smoothing in done.norms)
    onnx.checker.check_model(after)
    for feeds in inputs[:5]:
        for a, b in zip(outputs(before, feeds), outputs(after, feeds), strict=True):
            np.testing.assert_allclose(a, b, atol=SAME * np.abs(a).max())


def test_values_whose_bias_finds_no_place_are_left_alone(bundle):
    """Without a bias behind the output projection the values keep theirs, which is not scaled."""
    opened = bundle("qa")
    model = ir.from_proto(onnx.load(opened.model_path("fp32")))
    targets = find_targets(model.graph)
    attentions = find_attentions(model.graph, {target.node: target for target in targets})
    assert all(drop_bias(attention.output) for attention in attentions)
    before, inputs = ir.to_proto(model), calibration_inputs(opened)[:20]
    done, _ = single_pass.run(model, inputs, Known(), str, smoothed=targets, rounded=())
    assert done.values == []
    a, b = (outputs(made, inputs[0])[0] for made in (before, ir.to_proto(model)))
    np.testing.assert_allclose(a, b, atol=SAME * np.abs(a).max())


@pytest.mark.parametrize("kind", ["qa", "classifier"])
def test_a_layer_norm_costs_one_mul_and_keys_and_values_lose_an_add(bundle, kind):
    before, model, _, _ = prepared(bundle(kind))
    old = Counter(node.op_type for node in before.graph.node)
    new = Counter(node.op_type for node in model.graph)
    assert new - old == {"Mul": 4}
    assert old - new == {"Add": 4}


def test_pieces_give_what_the_whole_graph_gives(bundle):
    opened = bundle("qa")
    proto = onnx.load(opened.model_path("fp32"))
    wanted = [n.output[0] for n in proto.graph.node if n.op_type == "LayerNormalization"]
    inputs = calibration_inputs(opened)[:6]
    walk = Walk(ir.from_proto(proto), inputs, wanted)
    found = {name: [values[name] for values in walk.advance([name])] for name in reversed(wanted)}
    proto.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    for index, feeds in enumerate(inputs):
        expected = outputs(proto, feeds)[-len(wanted) :]
        for name, array in zip(wanted, expected, strict=True):
            np.testing.assert_allclose(found[name][index], array, atol=1e-5)


def test_an_outlier_is_evened_out():
    generator = np.random.default_rng(0)
    sample = generator.normal(size=(400, 64)).astype(np.float32)
    sample[:, 9] *= 50
    sample[:, 20] += 30
    matrix = generator.normal(size=(64, 32)).astype(np.float32)
    smoothing = choose_smoothing(sample, GRID, [matrix], shift=True)
    assert smoothing.scale.argmax() == 9
    np.testing.assert_allclose(smoothing.shift, sample.mean(0), atol=1e-6)
    # One step a token has to hold 50 and 30: without them it is a tenth as long.
    assert smoothing.after < smoothing.before / 10


def test_balance_is_better_than_smoothquants_formula():
    generator = np.random.default_rng(1)
    sample = (generator.normal(size=(600, 96)) * np.exp(generator.normal(size=96))).astype(
        np.float32
    )
    matrix = (generator.normal(size=(96, 40)) * np.exp(generator.normal(size=(96, 1)))).astype(
        np.float32
    )

    def noise(factors: np.ndarray) -> float:
        """The formula of the module, in float64 and with the true greatest."""
        steps = (np.abs(sample) / factors).astype(np.float64).max(1)
        return float((steps**2).mean() * (factors[:, None] ** 2 * matrix**2).sum())

    greatest, rows = np.abs(sample).max(0), np.abs(matrix).max(1)
    formula = min(noise(greatest**a / rows ** (1 - a)) for a in (0.3, 0.5, 0.7, 0.9))
    variance = float((sample @ matrix).var(0).sum())
    assert noise(balanced(sample, [matrix], [variance])) < formula


def test_calibration_is_worth_what_the_manifest_says(bundle):
    opened = bundle("qa")
    plain = shelf.quantize(opened, calibrate=False).manifest.variants["int8"]
    variant = shelf.quantize(opened).manifest.variants["int8"]
    worth, settings = variant.evidence["calibration"], variant.settings["calibration"]
    assert worth["layer_norms"]["smoothed"] <= worth["layer_norms"]["before"]
    assert worth["weights"]["calibrated"] < worth["weights"]["by_themselves"]
    inputs = calibration_inputs(opened)
    assert settings["inputs"] == len(inputs)
    assert settings["tokens"] == sum(feeds["input_ids"].size for feeds in inputs)
    assert plain.settings["calibration"] is None
    assert "calibration" not in plain.evidence
    fidelity = [made.evidence["fidelity"]["mean_cosine"] for made in (plain, variant)]
    assert 1 - fidelity[1] < 0.6 * (1 - fidelity[0])


def test_calibration_lowers_the_greatest_difference(bundle):
    """Over three models: of one, the greatest of ten texts' differences is a draw."""
    ratios = []
    for kind in ("qa", "tied", "shared"):
        opened = bundle(kind)
        made = [shelf.quantize(opened, calibrate=calibrate) for calibrate in (False, True)]
        plain, calibrated = (
            each.manifest.variants["int8"].evidence["fidelity"]["max_abs_diff"] for each in made
        )
        ratios.append(calibrated / plain)
    assert np.prod(ratios) < 1
