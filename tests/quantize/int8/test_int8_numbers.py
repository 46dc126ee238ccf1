"""What the integers of ``int8`` are: exact, independent of the batch, the same optimised or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import shelf
from onnx import numpy_helper

BATCH_TOLERANCE = 1e-5  # float32 rounding in another order of summation
# Optimised and plain kernels round LayerNormalization differently; now and then an activation on
# the border of two integers falls on the other side.
ROUNDING_FLIPS = 0.02


def session(model: onnx.ModelProto | Path, *, optimise: bool = True) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def feeds(runner, ids, mask=None):
    values = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids) if mask is None else mask,
        "token_type_ids": np.zeros_like(ids),
    }
    return {i.name: values[i.name] for i in runner.get_inputs()}


def expose(model: onnx.ModelProto, name: str, kind: int) -> None:
    if name not in {o.name for o in model.graph.output}:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))


@pytest.mark.parametrize("kind", ["qa", "tied", "shared"])
def test_every_integer_product_equals_numpys(bundle, token_ids, kind):
    quantized = shelf.quantize(bundle(kind))
    model = onnx.load(quantized.model_path("int8"))
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    makers = {node.output[0]: node for node in model.graph.node}
    products = [n for n in model.graph.node if n.op_type == "MatMulInteger"]
    for node in products:
        expose(model, node.output[0], onnx.TensorProto.INT32)
        expose(model, node.input[0], onnx.TensorProto.UINT8)

    runner = session(model)
    names = [o.name for o in runner.get_outputs()]
    found = dict(zip(names, runner.run(names, feeds(runner, token_ids)), strict=True))

    assert len(products) == {"qa": 12, "tied": 14, "shared": 20}[kind]
    for node in products:
        weight = node.input[1]
        matrix = stored[weight] if weight in stored else stored[makers[weight].input[0]].T
        activation = found[node.input[0]].astype(np.int32) - int(stored[node.input[2]])
        expected = activation @ matrix.astype(np.int32)
        np.testing.assert_array_equal(found[node.output[0]], expected)
        # What U8S8 kernels without VNNI add in 16 bits: the inputs 2k and 2k + 1.
        magnitudes = np.abs(matrix.astype(np.int32))
        assert 255 * (magnitudes[0::2] + magnitudes[1::2]).max() <= 32_767


@pytest.mark.parametrize("kind", ["qa", "tied", "shared"])
def test_outputs_do_not_depend_on_the_batch(bundle, token_ids, kind):
    runner = session(shelf.quantize(bundle(kind)).model_path("int8"))
    ids, mask = token_ids.copy(), np.ones_like(token_ids)
    lengths = [24, 11, 3]
    for row, length in enumerate(lengths):
        ids[row, length:], mask[row, length:] = 0, 0

    together = runner.run(None, feeds(runner, ids, mask))

    for row, length in enumerate(lengths):
        alone = runner.run(None, feeds(runner, ids[row : row + 1, :length]))
        for one, many in zip(alone, together, strict=True):
            same = many[row : row + 1]
            if kind != "shared":  # one output a token; a classifier has one a text
                same = same[:, :length]
            np.testing.assert_allclose(one, same, atol=BATCH_TOLERANCE)


@pytest.mark.parametrize("kind", ["qa", "tied", "shared"])
def test_onnxruntimes_fusions_leave_the_numbers_alone(bundle, token_ids, kind):
    """onnxruntime 1.31 folds the bias wrongly into MatMulIntegerToFloat; ours must not fuse so."""
    path = shelf.quantize(bundle(kind)).model_path("int8")
    fused, plain = session(path), session(path, optimise=False)

    for a, b in zip(
        fused.run(None, feeds(fused, token_ids)),
        plain.run(None, feeds(plain, token_ids)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, atol=ROUNDING_FLIPS * np.abs(b).max())


@pytest.mark.parametrize("kind", ["qa", "tied", "shared"])
def test_outputs_are_near_fp32(bundle, token_ids, kind):
    quantized = shelf.quantize(bundle(kind))
    exact, near = session(quantized.model_path("fp32")), session(quantized.model_path("int8"))

    for a, b in zip(
        exact.run(None, feeds(exact, token_ids)),
        near.run(None, feeds(near, token_ids)),
        strict=True,
    ):
        assert a.ravel() @ b.ravel() / np.linalg.norm(a) / np.linalg.norm(b) > 0.99


def test_rows_of_zeros_give_no_nan(bundle):
    """The first layer is given zeros alone, as after an embedding that is all zero."""
    opened = bundle("qa")
    path = shelf.quantize(opened).model_path("int8")
    model = onnx.load(path)
    first = next(n for n in model.graph.node if n.op_type == "Abs")
    source = next(n for n in model.graph.node if first.input[0] in n.output)
    zeros = numpy_helper.from_array(np.zeros(1, np.float32), "zeros")
    model.graph.initializer.append(zeros)
    for reader in model.graph.node:  # all of its readers see zeros of the same shape
        for index, name in enumerate(reader.input):
            if name == source.output[0]:
                reader.input[index] = "zeroed"
    position = list(model.graph.node).index(source) + 1
    model.graph.node.insert(
        position, onnx.helper.make_node("Mul", [source.output[0], "zeros"], ["zeroed"])
    )

    runner = session(model)
    outputs = runner.run(None, feeds(runner, np.full((1, 8), 7)))

    assert all(np.isfinite(output).all() for output in outputs)
