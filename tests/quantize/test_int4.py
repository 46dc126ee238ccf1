"""The recipe ``int4``, read back by onnxruntime's own operators."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import shelf
from graphs import constants, matrices, run, session, with_constants
from onnx import TensorProto, helper
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    DefaultWeightOnlyQuantizer,
)

from edge_distil_quantize.kernels.int4 import Blocks, quantize_asymmetric, quantize_symmetric

pytestmark = pytest.mark.wide

KINDS = ["qa", "tied", "shared"]
SPREAD = np.random.default_rng(7).standard_t(5, (48, 100)).astype(np.float32)


def load(bundle, **options) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    made = shelf.quantize(bundle, "int4", **options)
    return onnx.load(made.model_path("fp32")), onnx.load(made.model_path("int4"))


def evaluate(node: onnx.NodeProto, stored: dict[str, np.ndarray], given: np.ndarray):
    """Run one of onnxruntime's own operators on stored constants."""
    kind = helper.np_dtype_to_tensor_dtype(given.dtype)
    free = next(i for i in node.input if i not in stored)
    used = [onnx.numpy_helper.from_array(stored[i], i) for i in node.input if i in stored]
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info(free, kind, None)],
        [helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)],
        used,
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=8)
    return session(model).run(None, {free: given})[0]


def read_back(blocks: Blocks, numbers: int, block: int, bits: int) -> np.ndarray:
    """Return what MatMulNBits multiplies with ``(rows, numbers)``: its product with identity."""
    stored = {"w": blocks.values, "s": blocks.scales, "z": blocks.zero_points}
    stored = {name: array for name, array in stored.items() if array is not None}
    node = helper.make_node(
        "MatMulNBits", ["x", *stored], ["y"], domain="com.microsoft",
        K=numbers, N=len(blocks.values), bits=bits, block_size=block,
    )  # fmt: skip
    return evaluate(node, stored, np.eye(numbers, dtype=np.float32)).T


def weights_read_back(before: onnx.ModelProto, after: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return each weight of the fp32 graph as onnxruntime reads it from the int4 one."""
    stored, found = constants(after), {}
    makers = {n.output[0]: n for n in after.graph.node}
    for name in matrices(before):
        columns = next((n for n in stored if n.startswith(f"{name}_columns_")), None)
        values = columns or next(n for n in stored if n.startswith(f"{name}_") and "bit" in n)
        reader = next(n for n in after.graph.node if values in n.input)
        if reader.op_type == "GatherBlockQuantized":
            found[name] = evaluate(reader, stored, np.arange(len(stored[values])))
            continue
        assert reader.op_type == "MatMulNBits"
        assert reader.input[0] in makers
        inputs = next(a.i for a in reader.attribute if a.name == "K")
        product = evaluate(reader, stored, np.eye(inputs, dtype=np.float32))
        found[name] = product if columns else product.T
    return found


@pytest.mark.parametrize(("block", "bits"), [(32, 4), (64, 4), (128, 8)])
def test_symmetric_blocks_are_read_back_within_half_a_step(block, bits):
    blocks = quantize_symmetric(SPREAD, block, bits)
    found = read_back(blocks, SPREAD.shape[1], block, bits)
    steps = np.repeat(blocks.scales, block, axis=1)[:, : SPREAD.shape[1]]
    beyond = np.abs(found - SPREAD) > 0.501 * np.abs(steps)
    assert beyond.mean() < 0.05
    ends = np.rint(found / steps)[beyond]  # what is clipped lies at an end
    assert np.isin(ends, [-(1 << bits - 1), (1 << bits - 1) - 1]).all()


def test_asymmetric_blocks_are_nearer_than_onnxruntimes_quantizer():
    config = DefaultWeightOnlyQuantConfig(block_size=32, is_symmetric=False)
    theirs = Blocks(*DefaultWeightOnlyQuantizer(config).qbits_block_quant(SPREAD.T.copy()))
    ours = quantize_asymmetric(SPREAD, 32)
    assert [a.shape for a in ours] == [a.shape for a in theirs]
    errors = [((read_back(b, 100, 32, 4) - SPREAD) ** 2).sum() for b in (ours, theirs)]
    assert errors[0] < 0.95 * errors[1]


def test_a_grid_of_sixteen_levels_is_kept_exactly():
    """Any range of sixteen even steps that holds 0 is stored without loss."""
    levels = np.random.default_rng(3).permuted(np.tile(np.arange(16), (8, 2)), axis=1)
    matrix = ((levels - np.arange(8)[:, None]) * 0.25).astype(np.float32)
    np.testing.assert_array_equal(read_back(quantize_asymmetric(matrix, 32), 32, 32, 4), matrix)


def test_zeros_are_read_back_as_zeros():
    zeros = np.zeros((3, 40), np.float32)
    for blocks in (quantize_asymmetric(zeros, 32), quantize_symmetric(zeros, 32, 4)):
        assert not read_back(blocks, 40, 32, 4).any()


@pytest.mark.parametrize("kind", KINDS)
def test_graph_is_valid_and_holds_no_large_float32(bundle, kind):
    before, after = load(bundle(kind))
    onnx.checker.check_model(after)
    assert {n.domain for n in after.graph.node} == {"", "com.microsoft"}
    assert matrices(after) <= {n for n in constants(after) if n.endswith("_scale")}
    assert set(constants(after)) <= {name for n in after.graph.node for name in n.input}
    assert after.graph.input == before.graph.input


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_those_of_fp32_with_the_weights_read_back(bundle, token_ids, kind):
    before, after = load(bundle(kind))
    exact, weights = constants(before), weights_read_back(before, after)
    for name, array in weights.items():
        error = np.linalg.norm(array - exact[name]) / np.linalg.norm(exact[name])
        assert 0.0001 < error < 0.1
    expected, got = run(with_constants(before, weights), token_ids), run(after, token_ids)
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, atol=2e-5 * np.abs(array).max())


@pytest.mark.parametrize("kind", KINDS)
def test_each_weight_is_stored_once(bundle, kind):
    before, after = load(bundle(kind))
    packed = {n: a for n, a in constants(after).items() if a.dtype == np.uint8 and "_zero" not in n}
    assert len(packed) == len(matrices(before))
    assert len({a.tobytes() for a in packed.values()}) == len(packed)


def test_widening_matrices_have_eight_bits(bundle):
    after = load(bundle("qa"))[1]
    bits = Counter(
        next(a.i for a in node.attribute if a.name == "bits")
        for node in after.graph.node
        if node.op_type == "MatMulNBits"
    )
    assert bits == {4: 2 * 5, 8: 2}


def test_a_table_that_no_block_divides_is_int8(exported, checkpoint_of, tmp_path, token_ids):
    from edge_distil_export import export_bundle

    sizes = {"dim": 40, "n_layers": 1, "n_heads": 4, "hidden_dim": 72, "vocab_size": 1000}
    checkpoint = checkpoint_of(
        tmp_path / "c", "DistilBertForQuestionAnswering", "DistilBertConfig", **sizes
    )
    before, after = load(export_bundle(checkpoint, tmp_path / "bundle"))
    counts = Counter(n.op_type for n in after.graph.node)
    assert "GatherBlockQuantized" not in counts
    assert counts["MatMulNBits"] == 6
    assert [a.shape for a in constants(after).values() if a.dtype == np.int8] == [
        (1000, 40),
        (512, 40),
    ]
    expected, got = run(before, token_ids), run(after, token_ids)
    for name, array in expected.items():
        assert np.corrcoef(array.ravel(), got[name].ravel())[0, 1] > 0.95


def test_operators_that_are_kept_stay_in_float32(bundle, token_ids):
    opened = bundle("qa")
    product = next(
        n for n in onnx.load(opened.model_path("fp32")).graph.node if n.op_type == "MatMul"
    )
    _, after = load(opened, keep=[product.name])
    assert matrices(after) - {n for n in constants(after) if n.endswith("_scale")} == {
        product.input[1]
    }
    run(after, token_ids)


def test_the_manifest_says_that_onnxruntime_alone_runs_it(bundle):
    variant = shelf.quantize(bundle("qa"), "int4").manifest.variants["int4"]
    assert variant.file.path == "onnx/model_q4.onnx"
    assert variant.settings["runtime"].startswith("onnxruntime only, 1.22 or later")
    assert variant.operators["MatMulNBits"] == 12
    assert variant.evidence["fidelity"]["mean_cosine"] > 0.9
