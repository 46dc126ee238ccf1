"""Cases of arithmetic, element by element and in products."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st

from coreml_cases.case import Case, Draw, array, case, integers, pair, tensor

UNARY = {
    "abs": torch.abs, "cos": torch.cos, "sin": torch.sin, "erf": torch.erf, "tanh": torch.tanh,
    "relu": torch.relu, "sigmoid": torch.sigmoid, "silu": torch.nn.functional.silu,
    "identity": lambda x: x,
}  # fmt: skip
BINARY = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "maximum": torch.maximum,
    "minimum": torch.minimum, "equal": torch.eq, "not_equal": torch.ne, "greater": torch.gt,
    "greater_equal": torch.ge, "less": torch.lt, "less_equal": torch.le,
}  # fmt: skip
LOGICAL = {"logical_and": torch.logical_and, "logical_or": torch.logical_or}
REDUCTIONS = {
    "reduce_sum": torch.sum, "reduce_mean": torch.mean, "reduce_max": torch.amax,
    "reduce_l2_norm": lambda x, axes, keepdim: torch.linalg.vector_norm(x, 2, axes, keepdim),
}  # fmt: skip


@case(*UNARY)
def unary(draw: Draw, kind: str) -> Case:
    x = array(draw)
    return {"x": x}, UNARY[kind](tensor(x))


@case(*BINARY)
def binary(draw: Draw, kind: str) -> Case:
    x, y = pair(draw)
    return {"x": x, "y": y}, BINARY[kind](tensor(x), tensor(y))


@case(*LOGICAL)
def logical(draw: Draw, kind: str) -> Case:
    x, y = (v > 0 for v in pair(draw))
    return {"x": x, "y": y}, LOGICAL[kind](tensor(x), tensor(y))


@case("logical_not")
def logical_not(draw: Draw) -> Case:
    x = array(draw) > 0
    return {"x": x}, torch.logical_not(tensor(x))


@case(*REDUCTIONS)
def reduction(draw: Draw, kind: str) -> Case:
    x = array(draw)
    axes = draw(st.sets(st.integers(0, x.ndim - 1), min_size=1))
    keep = draw(st.booleans())
    wanted = REDUCTIONS[kind](tensor(x), tuple(axes), keepdim=keep)
    return {"x": x, "axes": np.int32(sorted(axes)), "keep_dims": keep}, wanted


@case("real_div", "floor_div")
def division(draw: Draw, kind: str) -> Case:
    if kind == "floor_div" or draw(st.booleans()):
        x, y = integers(draw, (2, 3), -9, 9), integers(draw, (3,), 1, 5)
        return {"x": x, "y": y}, torch.div(tensor(x), tensor(y), rounding_mode="floor")
    x, y = array(draw, (2, 3)), array(draw, (3,), low=0.5)
    return {"x": x, "y": y}, tensor(x) / tensor(y)


@case("pow")
def power(draw: Draw) -> Case:
    x, y = array(draw, low=0.125), draw(st.sampled_from([2.0, 3.0, 0.5]))
    return {"x": x, "y": np.float32(y)}, torch.pow(tensor(x), y)


@case("sqrt", "rsqrt", "log")
def positive(draw: Draw, kind: str) -> Case:
    x = array(draw, low=0.125)
    return {"x": x}, getattr(torch, kind)(tensor(x))


@case("clip")
def clip(draw: Draw) -> Case:
    x = array(draw)
    return {"x": x, "alpha": -1.0, "beta": 2.0}, torch.clamp(tensor(x), -1.0, 2.0)


TYPES = {
    "int32": torch.int32, "bool": torch.bool, "fp16": torch.float16, "fp32": torch.float32,
}  # fmt: skip


@case("cast")
def cast(draw: Draw) -> Case:
    x, name = array(draw), draw(st.sampled_from(sorted(TYPES)))
    return {"x": x, "dtype": name}, tensor(x).to(TYPES[name])


@case("gelu")
def gelu(draw: Draw) -> Case:
    x = array(draw)
    mode, approximate = draw(st.sampled_from([("EXACT", "none"), ("TANH_APPROXIMATION", "tanh")]))
    return {"x": x, "mode": mode}, torch.nn.functional.gelu(tensor(x), approximate=approximate)


@case("linear")
def linear(draw: Draw) -> Case:
    x = array(draw)
    weight = array(draw, (draw(st.integers(1, 4)), x.shape[-1]))
    bias = array(draw, weight.shape[:1])
    wanted = torch.nn.functional.linear(tensor(x), tensor(weight), tensor(bias))
    return {"x": x, "weight": weight, "bias": bias}, wanted


@case("matmul")
def matmul(draw: Draw) -> Case:
    first, last = draw(st.booleans()), draw(st.booleans())
    x = array(draw, (2, 4, 3) if first else (2, 3, 4))
    y = array(draw, (2, 5, 4) if last else (2, 4, 5))
    left, right = tensor(x).mT if first else tensor(x), tensor(y).mT if last else tensor(y)
    return {"x": x, "y": y, "transpose_x": first, "transpose_y": last}, left @ right


@case("layer_norm")
def layer_norm(draw: Draw) -> Case:
    x = array(draw, (2, 3, 6)) + np.arange(6, dtype=np.float32)
    gamma, beta = array(draw, (6,)), array(draw, (6,))
    wanted = torch.nn.functional.layer_norm(tensor(x), (6,), tensor(gamma), tensor(beta), 1e-5)
    return {"x": x, "axes": np.int32([-1]), "gamma": gamma, "beta": beta, "epsilon": 1e-5}, wanted


@case("softmax")
def softmax(draw: Draw) -> Case:
    x = array(draw, low=-50, high=50)
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    return {"x": x, "axis": axis}, torch.softmax(tensor(x), axis)


@case("scaled_dot_product_attention")
def attention(draw: Draw) -> Case:
    q, k, v = (array(draw, (1, 2, 4, 3)) for _ in range(3))
    mask = array(draw, (1, 1, 1, 4))
    if draw(st.booleans()):
        mask = mask > 0
        mask[..., 0] = True  # a row that may look nowhere has no result
    wanted = torch.nn.functional.scaled_dot_product_attention(*map(tensor, (q, k, v, mask)))
    return {"query": q, "key": k, "value": v, "attn_mask": mask}, wanted
