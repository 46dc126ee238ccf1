"""Every operator of the evaluator against PyTorch's own, on drawn shapes and values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edge_distil_export.coreml.constants import CONSTANTS
from edge_distil_export.coreml.erf import erf
from edge_distil_export.coreml.operators import OPERATORS

TOLERANCE = 2e-5  # float32, absolute and relative: sums in another order
ERF_TOLERANCE = 5e-7
EXAMPLES = 12

Draw = Callable[..., Any]
Case = tuple[dict[str, Any], Any]  # arguments of the operator, PyTorch's result
CASES: dict[str, Callable[[Draw], Case]] = {}


def case(*kinds: str) -> Callable[[Callable[..., Case]], Callable[..., Case]]:
    def register(make: Callable[..., Case]) -> Callable[..., Case]:
        for kind in kinds:
            CASES[kind] = make if len(kinds) == 1 else lambda draw, kind=kind: make(draw, kind)
        return make

    return register


def array(draw: Draw, shape: Any = None, low: float = -4.0, high: float = 4.0) -> Any:
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=5)) if shape is None else shape
    numbers = st.floats(low, high, width=32, allow_subnormal=False)
    return draw(hnp.arrays(np.float32, shape, elements=numbers))


def integers(draw: Draw, shape: Any, low: int, high: int) -> Any:
    return draw(hnp.arrays(np.int32, shape, elements=st.integers(low, high)))


def tensor(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def pair(draw: Draw) -> tuple[Any, Any]:
    """Two arrays that broadcast."""
    x = array(draw)
    return x, array(draw, tuple(1 if draw(st.booleans()) else n for n in x.shape))


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


@case("gather")
def gather(draw: Draw) -> Case:
    x = array(draw, (2, 4, 3))
    if draw(st.booleans()):
        indices = integers(draw, (2, 5), 0, 3)
        rows = torch.stack([a[b.long()] for a, b in zip(tensor(x), tensor(indices), strict=True)])
        return {"x": x, "indices": indices, "axis": 1, "batch_dims": 1}, rows
    axis = draw(st.integers(0, 2))
    indices = integers(draw, (3,), 0, x.shape[axis] - 1)
    return (
        {"x": x, "indices": indices, "axis": axis},
        torch.index_select(tensor(x), axis, tensor(indices)),
    )


@case("gather_along_axis")
def gather_along_axis(draw: Draw) -> Case:
    x, indices = array(draw, (3, 4)), integers(draw, (3, 2), 0, 3)
    wanted = torch.take_along_dim(tensor(x), tensor(indices).long(), 1)
    return {"x": x, "indices": indices, "axis": 1}, wanted


@case("reshape")
def reshape(draw: Draw) -> Case:
    x = array(draw, (2, 3, 4))
    shape, wanted = draw(st.sampled_from([((0, -1), (2, 12)), ((6, 4), (6, 4)), ((-1,), (24,))]))
    return {"x": x, "shape": np.int32(shape)}, tensor(x).reshape(wanted)


@case("expand_dims")
def expand_dims(draw: Draw) -> Case:
    x, axis = array(draw, (2, 3)), draw(st.integers(-3, 2))
    return {"x": x, "axes": np.int32([axis])}, tensor(x).unsqueeze(axis)


@case("squeeze")
def squeeze(draw: Draw) -> Case:
    x = array(draw, (1, 3, 1))
    axis = draw(st.sampled_from([None, 0, -1]))
    if axis is None:
        return {"x": x}, tensor(x).squeeze()
    return {"x": x, "axes": np.int32([axis])}, tensor(x).squeeze(axis)


@case("transpose")
def transpose(draw: Draw) -> Case:
    x, perm = array(draw, (2, 3, 4)), draw(st.permutations([0, 1, 2]))
    return {"x": x, "perm": np.int32(perm)}, tensor(x).permute(perm)


@case("slice_by_index")
def slice_by_index(draw: Draw) -> Case:
    x = array(draw, (4, 5))
    begin, end = draw(st.integers(0, 2)), draw(st.integers(3, 5))
    stride, open_begin, open_end = draw(st.integers(1, 2)), draw(st.booleans()), draw(st.booleans())
    arguments = {
        "x": x, "begin": [1, begin], "end": [2, end], "stride": [1, stride],
        "begin_mask": [False, open_begin], "end_mask": [False, open_end],
        "squeeze_mask": [True, False],
    }  # fmt: skip
    first, last = None if open_begin else begin, None if open_end else end
    return arguments, tensor(x)[1, first:last:stride]


@case("split")
def split(draw: Draw) -> Case:
    x = array(draw, (2, 6))
    if draw(st.booleans()):
        return {"x": x, "axis": 1, "num_splits": 3}, torch.split(tensor(x), 2, 1)
    sizes = [1, 3, 2]
    return {"x": x, "axis": -1, "split_sizes": np.int32(sizes)}, torch.split(tensor(x), sizes, 1)


@case("pad")
def pad(draw: Draw) -> Case:
    x = array(draw, (1, 3, 4))
    mode = draw(st.sampled_from(["constant", "reflect", "replicate"]))
    value = {"value": 7.0} if mode == "constant" else {}
    wanted = torch.nn.functional.pad(tensor(x), (1, 2), mode=mode, **value)
    return {"x": x, "pad": np.int32([1, 2]), "mode": mode, "constant_val": 7.0}, wanted


@case("concat", "stack")
def join(draw: Draw, kind: str) -> Case:
    values = [array(draw, (2, 3)) for _ in range(3)]
    axis = draw(st.integers(0, 1))
    function = torch.cat if kind == "concat" else torch.stack
    return {"values": values, "axis": axis}, function([tensor(v) for v in values], axis)


@case("cumsum")
def cumsum(draw: Draw) -> Case:
    x, axis, reverse = integers(draw, (3, 4), -9, 9), draw(st.integers(0, 1)), draw(st.booleans())
    values = tensor(x).flip(axis) if reverse else tensor(x)
    wanted = torch.cumsum(values, axis, dtype=torch.int32)
    exclusive = draw(st.booleans())
    wanted = wanted - values if exclusive else wanted
    arguments = {"x": x, "axis": axis, "reverse": reverse, "exclusive": exclusive}
    return arguments, wanted.flip(axis) if reverse else wanted


@case("tile")
def tile(draw: Draw) -> Case:
    x, reps = array(draw, (2, 3)), draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return {"x": x, "reps": np.int32(reps)}, tensor(x).tile(reps)


@case("select")
def select(draw: Draw) -> Case:
    a, b = pair(draw)
    cond = array(draw, a.shape) > 0
    return {"cond": cond, "a": a, "b": b}, torch.where(tensor(cond), tensor(a), tensor(b))


@case("fill_like")
def fill_like(draw: Draw) -> Case:
    x = array(draw)
    return {"ref_tensor": x, "value": 2.5}, torch.full_like(tensor(x), 2.5)


@case("shape")
def shape(draw: Draw) -> Case:
    x = array(draw)
    return {"x": x}, torch.tensor(tensor(x).shape, dtype=torch.int32)


@case("range_1d")
def range_1d(draw: Draw) -> Case:
    start, count, step = (draw(st.integers(1, 4)) for _ in range(3))
    end = start + count * step
    return {"start": start, "end": end, "step": step}, torch.arange(start, end, step)


@case("constexpr_affine_dequantize")
def affine_dequantize(draw: Draw) -> Case:
    data = integers(draw, (3, 4), -128, 127).astype(np.int8)
    scale, zero = array(draw, (3,), low=0.0625, high=1), integers(draw, (3,), -8, 8)
    # What is on the grid already stays where it is when PyTorch quantizes and dequantizes it.
    grid = tensor((data - zero[:, None]) * scale[:, None])
    wanted = torch.fake_quantize_per_channel_affine(
        grid.float(), tensor(scale), tensor(zero), 0, -128, 127
    )
    arguments = {"quantized_data": data, "scale": scale, "zero_point": zero.astype(np.int8)}
    return arguments, wanted


@case("constexpr_blockwise_shift_scale")
def blockwise(draw: Draw) -> Case:
    data = integers(draw, (2, 6), -128, 127).astype(np.int8)
    scale, offset = array(draw, (2, 3)), integers(draw, (2, 3), -8, 8).astype(np.int8)
    steps, zeros = (tensor(v).repeat_interleave(2, 1) for v in (scale, offset))
    return {"data": data, "scale": scale, "offset": offset}, steps * (tensor(data).float() - zeros)


@case("constexpr_lut_to_dense")
def lut(draw: Draw) -> Case:
    bits = draw(st.sampled_from([1, 2, 4, 6, 8]))
    table, places = array(draw, (1 << bits,)), integers(draw, (3, 4), 0, (1 << bits) - 1)
    wanted = tensor(table)[tensor(places).long()]
    if draw(st.booleans()):  # iOS 18: the table has the rank of the indices
        return {"indices": places.astype(np.uint8), "lut": table[None, None, :, None]}, wanted
    flat = (places.reshape(-1, 1) >> np.arange(bits) & 1).astype(np.uint8)
    packed = np.packbits(flat, bitorder="little")
    return {"indices": packed, "lut": table, "shape": np.uint32([3, 4])}, wanted


def stored(value: Any) -> Any:
    """A scalar as a program holds it."""
    kinds = {bool: np.bool_, int: np.int32, float: np.float32}
    return kinds[type(value)](value) if type(value) in kinds else value


def test_every_operator_has_a_case() -> None:
    assert set(CASES) == set(OPERATORS) | set(CONSTANTS)


@pytest.mark.parametrize("kind", sorted(CASES))
def test_operator_matches_torch(kind: str) -> None:
    @settings(max_examples=EXAMPLES)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        arguments, wanted = CASES[kind](data.draw)
        arguments = {name: stored(value) for name, value in arguments.items()}
        found = {**OPERATORS, **CONSTANTS}[kind](**arguments)
        parts = found if isinstance(found, list) else [found]
        expected = wanted if isinstance(wanted, tuple) else (wanted,)
        for part, one in zip(parts, expected, strict=True):
            assert np.shape(part) == tuple(one.shape)
            np.testing.assert_allclose(part, one.numpy(), rtol=TOLERANCE, atol=TOLERANCE)

    check()


def test_erf_is_exact_to_float32() -> None:
    x = torch.linspace(-8, 8, 100_001)
    wanted = torch.erf(x.double()).numpy()
    np.testing.assert_allclose(erf(x.numpy()), wanted, rtol=0, atol=ERF_TOLERANCE)
