"""Edits of how an int8 graph quantizes and multiplies, tried and timed by `attempts`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper

from tables.graphs.draft import CONTRIB, Draft, quantizers

_BLOCK = 128  # inputs that share a scale in MatMulNBits
_ZERO = 128  # of its bytes


def one_projection(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let query, key and value be one product, split afterwards."""
    draft = Draft(model)
    for quantizer in quantizers(draft):
        products = draft.users(quantizer.node.output[0])
        if len(products) < 3:
            continue
        scaled = [draft.user(draft.user(p.output[0]).output[0]) for p in products]
        scales = [draft.stored[draft.makers[node.input[1]].input[1]] for node in scaled]
        name = products[0].output[0]
        weight = np.concatenate([draft.stored[p.input[1]] for p in products], axis=1)
        draft.replace(
            products[0],
            helper.make_node(
                "MatMulInteger",
                [
                    quantizer.node.output[0],
                    draft.constant(f"{name}_all", weight),
                    products[0].input[2],
                ],
                [f"{name}_sums"],
            ),
            helper.make_node("Cast", [f"{name}_sums"], [f"{name}_real"], to=TensorProto.FLOAT),
            helper.make_node(
                "Mul",
                [quantizer.divisor, draft.constant(f"{name}_scales", np.concatenate(scales))],
                [f"{name}_factors"],
            ),
            helper.make_node("Mul", [f"{name}_real", f"{name}_factors"], [f"{name}_scaled"]),
            helper.make_node(
                "Split",
                [f"{name}_scaled"],
                [node.output[0] for node in scaled],
                axis=-1,
                num_outputs=len(scaled),
            ),
        )
        gone = [id(node) for node in scaled]
        draft.nodes = [node for node in draft.nodes if id(node) not in gone]
    return draft.finish()


def scale_by_row(model: onnx.ModelProto) -> onnx.ModelProto:
    """Quantize by a scale for each row, which QuantizeLinear takes, without dividing first."""
    draft = Draft(model)
    found = list(quantizers(draft))
    flat = draft.constant("flat", np.array([-1], np.int64))
    for point in {quantizer.node.input[2] for quantizer in found}:
        draft.begin(helper.make_node("Expand", [point, "rows"], [f"{point}_by_row"]))
    for quantizer in found:
        product = draft.users(quantizer.node.output[0])[0]
        inner = len(draft.stored[product.input[1]])
        rows = draft.constant(f"by_{inner}", np.array([-1, inner], np.int64))
        draft.constant(f"inner_{inner}", np.array([inner], np.int64))
        name, (_, step, point) = quantizer.activation, quantizer.node.input
        draft.replace(
            quantizer.node,
            helper.make_node("Mul", [quantizer.divisor, step], [f"{name}_steps"]),
            helper.make_node("Reshape", [f"{name}_steps", flat], [f"{name}_by_row"]),
            helper.make_node("Reshape", [name, rows], [f"{name}_rows"]),
            helper.make_node(
                "QuantizeLinear",
                [f"{name}_rows", f"{name}_by_row", f"{point}_by_row"],
                [f"{name}_bytes"],
                axis=0,
            ),
            helper.make_node("Concat", ["shape", f"inner_{inner}"], [f"{name}_shape"], axis=0),
            helper.make_node(
                "Reshape", [f"{name}_bytes", f"{name}_shape"], [quantizer.node.output[0]]
            ),
        )
    draft.begin(
        helper.make_node("Shape", ["input_ids"], ["shape"]),
        helper.make_node("ReduceProd", ["shape"], ["rows"], keepdims=1),
    )
    return draft.finish()


def fixed_scales(model: onnx.ModelProto, greatest: Mapping[str, float]) -> onnx.ModelProto:
    """Quantize what layer norms give by one calibrated scale; the product adds its bias then.

    Args:
        model: The int8 graph.
        greatest: Activation -> the greatest magnitude that was seen.
    """
    draft = Draft(model)
    one = draft.constant("one", np.float32(1))
    for quantizer in quantizers(draft):
        if quantizer.activation not in greatest:
            continue
        scale = np.float32(greatest[quantizer.activation])
        step = draft.constant(f"{quantizer.activation}_step", scale / np.float32(quantizer.levels))
        quantizer.node.input[:2] = [quantizer.activation, step]
        for product in draft.users(quantizer.node.output[0]):
            end = draft.user(draft.user(product.output[0]).output[0])
            channels = draft.stored[draft.makers[end.input[1]].input[1]] * scale
            names = [draft.constant(f"{product.output[0]}_scales", channels)]
            after = draft.users(end.output[0])
            if len(after) == 1 and after[0].op_type == "Sub":
                end = after[0]
                names.append(draft.constant(f"{end.input[1]}_added", -draft.stored[end.input[1]]))
            left, right, point = product.input
            inputs = [left, right, one, names[0], point, "", *names[1:]]
            draft.replace(
                end,
                helper.make_node("MatMulIntegerToFloat", inputs, end.output, domain=CONTRIB),
            )
    return draft.finish()


def scales_by_block(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let onnxruntime's MatMulNBits quantize and multiply, in 8 bits and blocks of inputs."""
    draft = Draft(model)
    for quantizer in quantizers(draft):
        for product in draft.users(quantizer.node.output[0]):
            end = draft.user(draft.user(product.output[0]).output[0])
            scales = draft.stored[draft.makers[end.input[1]].input[1]] * quantizer.levels
            matrix = (draft.stored[product.input[1]] * scales).T  # (outputs, inputs)
            blocks = matrix.reshape(len(matrix), -1, _BLOCK)
            steps = np.abs(blocks).max(-1).astype(np.float32) / (_ZERO - 1)
            values = np.rint(blocks / steps[..., None]) + _ZERO
            name = product.output[0]
            inputs = [
                quantizer.activation,
                draft.constant(f"{name}_blocks", values.astype(np.uint8)),
                draft.constant(f"{name}_steps", steps),
            ]
            settings = {"K": matrix.shape[1], "N": len(matrix), "bits": 8, "block_size": _BLOCK}
            draft.replace(
                end,
                helper.make_node(
                    "MatMulNBits", inputs, end.output, domain=CONTRIB, accuracy_level=4, **settings
                ),
            )
    return draft.finish()


def behind_layer_norms(model: onnx.ModelProto) -> list[str]:
    """Return the quantized activations that layer norms give."""
    draft = Draft(model)
    names = dict.fromkeys(quantizer.activation for quantizer in quantizers(draft))
    return [name for name in names if draft.makers[name].op_type == "LayerNormalization"]
