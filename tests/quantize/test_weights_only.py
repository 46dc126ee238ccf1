"""The recipe ``weights-only``: int8 in the file, the fp32 graph at run time."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import shelf
from graphs import constants, matrices, run, with_constants
from onnxruntime.quantization.quant_utils import QuantType, quantize_data

KINDS = ["qa", "tied", "shared"]


def load(bundle, **options) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    made = shelf.quantize(bundle, "weights-only", **options)
    return onnx.load(made.model_path("fp32")), onnx.load(made.model_path("weights-only"))


def stored(model: onnx.ModelProto, name: str) -> np.ndarray:
    """The weight that a reader of the file finds, in float64."""
    arrays = constants(model)
    return arrays[f"{name}_int8"].astype(np.float64) * arrays[f"{name}_scale"]


@pytest.mark.parametrize("kind", KINDS)
def test_graph_is_valid_standard_and_without_leftovers(bundle, kind):
    before, after = load(bundle(kind))
    onnx.checker.check_model(after, full_check=True)
    assert {n.domain for n in after.graph.node} <= {"", "ai.onnx"}
    assert after.graph.input == before.graph.input
    assert [(o.name, o.type) for o in after.graph.output] == [
        (o.name, o.type) for o in before.graph.output
    ]
    assert matrices(after) == set()
    assert set(constants(after)) <= {name for n in after.graph.node for name in n.input}


@pytest.mark.parametrize("kind", KINDS)
def test_each_weight_is_stored_once(bundle, kind):
    before, after = load(bundle(kind))
    integers = {n: a for n, a in constants(after).items() if a.dtype == np.int8}
    assert set(integers) == {f"{name}_int8" for name in matrices(before)}
    sizes = constants(before)
    assert sum(a.size for a in integers.values()) == sum(sizes[n].size for n in matrices(before))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_nearer_than_onnxruntimes_own_rounding(bundle, kind):
    before, after = load(bundle(kind))
    originals, ours, theirs = constants(before), 0.0, 0.0
    for name in matrices(before):
        found, exact = stored(after, name), originals[name].astype(np.float64)
        by_row = constants(after)[f"{name}_scale"].shape[-1] == 1
        for channel, got in zip(*((exact, found) if by_row else (exact.T, found.T)), strict=True):
            _, scale, values = quantize_data(
                channel.astype(np.float32), QuantType.QInt8.tensor_type, symmetric=True
            )
            ours += ((got - channel) ** 2).sum()
            theirs += ((values * np.float64(scale) - channel) ** 2).sum()
    assert ours < theirs < 1e-3 * sum((originals[n] ** 2).sum() for n in matrices(before))


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_those_of_fp32_with_the_stored_weights(bundle, token_ids, kind):
    before, after = load(bundle(kind))
    weights = {name: stored(after, name).astype(np.float32) for name in matrices(before)}
    expected, got = run(with_constants(before, weights), token_ids), run(after, token_ids)
    assert expected.keys() == got.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, atol=2e-5 * np.abs(array).max())


def test_onnxruntime_computes_the_weights_once_at_load(bundle, tmp_path):
    _, after = load(bundle("qa"))
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    ort.InferenceSession(after.SerializeToString(), options, providers=["CPUExecutionProvider"])
    loaded = onnx.load(tmp_path / "loaded.onnx")
    products = [n.input[1] for n in loaded.graph.node if n.op_type in ("MatMul", "Gemm")]
    assert sum(name in constants(loaded) for name in products) == 2 * 6 + 1  # layers, the head
    tables = [a for a in constants(loaded).values() if a.dtype == np.int8]
    assert [a.shape for a in tables] == [(1000, 64)]  # rows are looked up as int8


def test_operators_that_are_kept_read_their_float32_weight(bundle, token_ids):
    opened = bundle("tied")
    before = onnx.load(opened.model_path("fp32"))
    products = [n for n in before.graph.node if n.op_type in ("MatMul", "Gemm")]
    everything = [n.name for n in products if n is not products[0]]
    _, after = load(opened, keep=everything)
    assert matrices(after) == matrices(before) - {products[0].input[1]}
    run(after, token_ids)


def test_the_manifest_says_how(bundle):
    made = shelf.quantize(bundle("qa"), "weights-only").manifest.variants
    variant = made["weights-only"]
    assert variant.file.path == "onnx/model_int8_weights.onnx"
    assert variant.recipe == "weights-only"
    assert variant.settings["activations"] == "float32"
    assert variant.evidence["fidelity"]["min_cosine"] > 0.999
    assert variant.file.bytes < 0.6 * made["fp32"].file.bytes  # these tiny graphs are operators
