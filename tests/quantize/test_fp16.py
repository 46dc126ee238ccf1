"""The recipe ``fp16``, beside PyTorch's half precision and onnx's reference in numpy's float16."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import shelf
from graphs import constants, feeds, run
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator

from edge_distil.bundle import open_bundle
from edge_distil_quantize import quantize_bundle
from edge_distil_quantize.rewrites.half import to_half

KINDS = ["qa", "tied", "shared"]
HALF_STEP = 2.0**-11  # of a number's magnitude: what rounding to float16 may change
LAYERS_OF_ROUNDING = 16 * HALF_STEP  # it adds up over a few layers
TINY_EMBEDDING = Path(__file__).parents[1] / "golden/tiny/embedding"


def load(bundle, **options) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    made = shelf.quantize(bundle, "fp16", **options)
    return onnx.load(made.model_path("fp32")), onnx.load(made.model_path("fp16"))


def padded(token_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ids, mask = token_ids.copy(), np.ones_like(token_ids)
    for row, length in enumerate([24, 11, 3]):
        ids[row, length:], mask[row, length:] = 0, 0
    return ids, mask


def run_in_numpy(model: onnx.ModelProto, ids: np.ndarray, mask: np.ndarray):
    """Every operator in float16 itself, where onnxruntime on a CPU computes in float32."""
    evaluator = ReferenceEvaluator(model)
    outputs = evaluator.run(None, feeds(evaluator.input_names, ids, mask))
    return dict(zip(evaluator.output_names, outputs, strict=True))


@pytest.fixture
def embedding(tmp_path):
    """A bundle that pools: its graph goes on after its first output."""
    return open_bundle(shutil.copytree(TINY_EMBEDDING, tmp_path / "embedding"))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_halves_and_inputs_and_outputs_as_before(bundle, kind):
    before, after = load(bundle(kind))
    onnx.checker.check_model(after, full_check=True)
    assert {n.domain for n in after.graph.node} <= {"", "ai.onnx"}
    assert after.graph.input == before.graph.input
    assert [(o.name, o.type) for o in after.graph.output] == [
        (o.name, o.type) for o in before.graph.output
    ]
    assert {a.dtype for a in constants(after).values()} <= {np.dtype("float16"), np.dtype("int64")}
    floats = [a for a in constants(before).values() if a.dtype == np.float32]
    halves = [a for a in constants(after).values() if a.dtype == np.float16]
    assert sum(a.size for a in halves) == sum(a.size for a in floats)  # what is shared stays so


@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_gives_fp32s_outputs_but_for_rounding(bundle, token_ids, kind):
    before, after = load(bundle(kind))
    expected, got = run(before, *padded(token_ids)), run(after, *padded(token_ids))
    for name, array in expected.items():
        assert got[name].dtype == np.float32
        np.testing.assert_allclose(got[name], array, atol=LAYERS_OF_ROUNDING * np.abs(array).max())


@pytest.mark.parametrize("kind", KINDS)
def test_float16_arithmetic_stays_finite_and_near(bundle, token_ids, kind):
    """The mask's constant, -3.4e38 in fp32, is where float16 overflows."""
    before, after = load(bundle(kind))
    ids, mask = padded(token_ids)
    mask[1] = 0  # a row without any token: softmax over a row of masked scores
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy says so when float16 overflows
        got = run_in_numpy(after, ids, mask)
    for name, array in run(before, ids, mask).items():
        assert np.isfinite(got[name]).all()
        greatest = np.abs(array).max()
        np.testing.assert_allclose(
            got[name][[0, 2]], array[[0, 2]], atol=2 * LAYERS_OF_ROUNDING * greatest
        )


def test_as_near_as_pytorchs_half(bundle, exported, token_ids):
    import torch
    import transformers

    after = load(bundle("qa"))[1]
    folder = exported("qa").parent / "checkpoint"
    model = transformers.DistilBertForQuestionAnswering.from_pretrained(
        folder, dtype=torch.float16, attn_implementation="eager"
    ).eval()
    ids, mask = padded(token_ids)
    with torch.no_grad():
        half = model(input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask))
    got = run_in_numpy(after, ids, mask)
    for name in ("start_logits", "end_logits"):
        expected = half[name].float().numpy()
        greatest = np.abs(expected).max()
        np.testing.assert_allclose(got[name], expected, atol=LAYERS_OF_ROUNDING * greatest)


def test_pooling_stays_in_float32(embedding, token_ids):
    before, after = load(embedding)
    ids, mask = padded(token_ids % 40)
    expected, got = run(before, ids, mask), run_in_numpy(after, ids, mask)
    np.testing.assert_allclose(got["sentence_embedding"], expected["sentence_embedding"], atol=0.01)
    hidden, weights = got["last_hidden_state"].astype(np.float64), mask[:, :, None]
    pooled = (hidden * weights).sum(1) / weights.sum(1)
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    np.testing.assert_allclose(got["sentence_embedding"], pooled, atol=1e-6)


def test_operators_that_are_kept_stay_in_float32(bundle, token_ids):
    opened = bundle("shared")
    products = [n for n in onnx.load(opened.model_path("fp32")).graph.node if n.op_type == "MatMul"]
    before, after = load(opened, keep=[products[3].name, products[9].name])
    weights = constants(after)
    kept = [n for n in after.graph.node if n.name in (products[3].name, products[9].name)]
    types = {i.name: i.type.tensor_type.elem_type for i in after.graph.value_info}
    assert [types[n.output[0]] for n in kept] == [TensorProto.FLOAT] * 2
    assert all(weights[n.input[1]].dtype == np.float32 for n in kept if n.input[1] in weights)
    expected, got = run(before, token_ids), run(after, token_ids)
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, atol=LAYERS_OF_ROUNDING * np.abs(array).max())


def test_the_warning_is_said_and_kept(bundle):
    said: list[str] = []
    made = quantize_bundle(bundle("qa"), "fp16", progress=said.append)
    variant = made.manifest.variants["fp16"]
    assert variant.file.path == "onnx/model_fp16.onnx"
    assert "slower than fp32" in variant.settings["warning"]
    assert f"warning: {variant.settings['warning']}" in said


@given(arrays(np.float32, 6, elements=st.floats(width=32, allow_nan=False)))
def test_halves_are_numpys_within_its_range(array):
    half = to_half(array)
    with np.errstate(over="ignore", under="ignore"):
        expected = array.astype(np.float16)
    inside = np.isfinite(expected) & (expected != 0) | ~np.isfinite(array)
    np.testing.assert_array_equal(half[inside], expected[inside])
    assert (np.isfinite(half) == np.isfinite(array)).all()
    assert ((half == 0) == (array == 0)).all()
    assert (np.sign(half) == np.sign(array)).all()
