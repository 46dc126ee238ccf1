"""Self-attention in standard operators -> onnxruntime's MultiHeadAttention, without a mask.

    query ── Reshape ── Transpose ─┐
    key ──── Reshape ── Transpose ── MatMul ─ Mul ─ Add ─ Softmax ─┐
    value ── Reshape ── Transpose ──────────────────│───────────── MatMul ─ Transpose ─ Reshape
                                                    └ the mask

becomes one operator, which holds a tile of the scores at a time (flash attention) as long as it is
given no mask. `masks` says when there is nothing to be masked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import onnx_ir as ir

from edge_distil_quantize.rewrites.blocks import DOMAIN
from edge_distil_quantize.rewrites.editing import Editor, maker, only_reader, single_number

_APART = (0, 2, 1, 3)  # (batch, sequence, heads, size) <-> (batch, heads, sequence, size)
_TURNED = (0, 2, 3, 1)  # (batch, sequence, heads, size) -> (batch, heads, size, sequence)


class Heads(NamedTuple):
    """A projection and how it is cut into heads.

    Attributes:
        value: float32 ``(batch, sequence, heads * size)``.
        heads: How many.
        size: Of a head.
    """

    value: ir.Value
    heads: int
    size: int


class SelfAttention(NamedTuple):
    """The operators between the projections and what the output projection reads.

    Attributes:
        query: As `Heads`, and so are `key` and `value`.
        key: See `query`.
        value: See `query`.
        scale: The scores are multiplied by it.
        masks: What is added to the scores.
        end: The operator that puts the heads together again.
    """

    query: Heads
    key: Heads
    value: Heads
    scale: float
    masks: tuple[ir.Value, ...]
    end: ir.Node


def self_attentions(graph: ir.Graph) -> Iterator[SelfAttention]:
    """Find those that MultiHeadAttention can stand for; what is computed otherwise stays.

    Args:
        graph: A graph whose values have their shapes.
    """
    for node in list(graph):
        if node.op_type == "Softmax" and node.attributes.get_int("axis", -1) in (-1, 3):
            found = _around(node)
            if found is not None:
                yield found


def fuse(editor: Editor, attention: SelfAttention) -> None:
    """Put MultiHeadAttention in the place of the operators."""
    inputs = [attention.query.value, attention.key.value, attention.value.value]
    output = editor.before(
        attention.end,
        "MultiHeadAttention",
        inputs,
        f"{attention.end.outputs[0].name}_fused",
        {"num_heads": attention.query.heads, "scale": attention.scale},
        domain=DOMAIN,
    )
    editor.replace(attention.end, output)


def _around(softmax: ir.Node) -> SelfAttention | None:
    weights = softmax.outputs[0]
    mixed = only_reader(weights)
    product, scale, masks = _scores(softmax.inputs[0])
    if mixed is None or product is None or mixed.op_type != "MatMul":
        return None
    query, key = _heads(product.inputs[0], _APART), _heads(product.inputs[1], _TURNED)
    value = _heads(mixed.inputs[1], _APART) if mixed.inputs[0] is weights else None
    if query is None or key is None or value is None:
        return None
    if query[1:] != key[1:] or query.heads != value.heads:
        return None
    end = _joined(mixed, value.heads * value.size)
    if end is None:
        return None
    return SelfAttention(query, key, value, scale, masks, end)


def _scores(value: ir.Value | None) -> tuple[ir.Node | None, float, tuple[ir.Value, ...]]:
    """Return the product of queries and keys, what it is multiplied by and what is added."""
    masks: list[ir.Value] = []
    while (add := maker(value, "Add")) is not None:
        scored = [index for index, v in enumerate(add.inputs) if _has_product(v)]
        if len(scored) != 1:
            return None, 1.0, ()
        mask = add.inputs[1 - scored[0]]
        assert mask is not None  # Add requires it
        masks.append(mask)
        value = add.inputs[scored[0]]
    node, scale = value.producer() if value is not None else None, 1.0
    if node is not None and node.op_type in ("Mul", "Div"):
        number = single_number(node.inputs[1])
        if not number:
            return None, 1.0, ()
        scale = number if node.op_type == "Mul" else 1 / number
        node = maker(node.inputs[0], "MatMul")
    is_product = node is not None and node.op_type == "MatMul"
    return (node if is_product else None), scale, tuple(masks)


def _has_product(value: ir.Value | None) -> bool:
    """Say whether a value is a product of queries and keys, scaled or with something added."""
    node = value.producer() if value is not None else None
    if node is None or node.op_type not in ("Add", "Mul", "Div", "MatMul"):
        return False
    return node.op_type == "MatMul" or any(map(_has_product, node.inputs))


def _heads(value: ir.Value | None, perm: tuple[int, ...]) -> Heads | None:
    """Return what was cut into heads, and into how many."""
    turned = maker(value, "Transpose")
    if turned is None or tuple(turned.attributes.get_ints("perm", ())) != perm:
        return None
    cut = maker(turned.inputs[0], "Reshape")
    whole = cut.inputs[0] if cut is not None else None
    if cut is None or whole is None or whole.shape is None:
        return None
    shape, width = _shape(cut.inputs[1]), whole.shape[-1]
    if len(shape) != 4 or not shape[3] or not isinstance(width, int):
        return None
    return Heads(whole, width // shape[3], shape[3])


def _joined(mixed: ir.Node, width: int) -> ir.Node | None:
    """Return the operator that puts the heads together again, if nothing else is done.

    Args:
        mixed: The product of a softmax and the values.
        width: Of all heads together.
    """
    turned = only_reader(mixed.outputs[0])
    if turned is None or turned.op_type != "Transpose":
        return None
    if tuple(turned.attributes.get_ints("perm", ())) != _APART:
        return None
    end = only_reader(turned.outputs[0])
    shape = _shape(end.inputs[1]) if end is not None and end.op_type == "Reshape" else []
    return end if len(shape) == 3 and shape[2] in (0, width) else None


def _shape(value: ir.Value | None) -> list[int]:
    """Return the sizes that a shape asks for, 0 for those that no constant says."""
    stored = value.const_value if value is not None else None
    if stored is not None:
        return [max(0, int(size)) for size in stored.numpy().ravel()]
    concat = maker(value, "Concat")
    if concat is None:
        return []
    return [size for part in concat.inputs for size in (_shape(part) or [0])]
