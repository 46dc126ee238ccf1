"""Cases of what moves, makes, or unpacks numbers."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st

from coreml_cases.case import Case, Draw, array, case, integers, pair, tensor


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
