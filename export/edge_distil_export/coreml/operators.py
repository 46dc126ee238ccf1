"""What each MIL operation computes, in numpy: the reference that a converted program is run by.

Function names and parameters are those of the operation (coremltools' reference, "MIL Ops");
defaults are its defaults. Floating-point inputs come as float32 whatever they are stored as: see
`evaluate`, which rounds results to the type that the program says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil_export.coreml.erf import erf

Array = NDArray[Any]
Operator = Callable[..., Any]

_SQRT_2 = 1.4142135623730951
_SQRT_2_OVER_PI = 0.7978845608028654
TYPES = {"fp16": np.float16, "fp32": np.float32, "int32": np.int32, "int16": np.int16,
          "int8": np.int8, "uint8": np.uint8, "uint16": np.uint16, "bool": np.bool_}  # fmt: skip


def linear(x: Array, weight: Array, bias: Array | float = 0.0) -> Array:
    """``x W^T + b``.

    >>> linear(np.float32([[1, 2]]), np.float32([[3, 4], [5, 6]]), np.float32([0, 1]))
    array([[11., 18.]], dtype=float32)
    """
    product: Array = x @ weight.T + bias
    return product


def matmul(x: Array, y: Array, transpose_x: bool = False, transpose_y: bool = False) -> Array:
    """Batched product of matrices, either one transposed first."""
    left = np.swapaxes(x, -1, -2) if transpose_x else x
    right = np.swapaxes(y, -1, -2) if transpose_y else y
    product: Array = np.matmul(left, right)
    return product


def layer_norm(
    x: Array,
    axes: Sequence[int],
    gamma: Array | None = None,
    beta: Array | None = None,
    epsilon: float = 1e-5,
) -> Array:
    """Scale to mean 0 and variance 1 over `axes`, then by `gamma` and `beta`.

    >>> layer_norm(np.float32([[1, 3]]), [-1], epsilon=0.0)
    array([[-1.,  1.]], dtype=float32)
    """
    over = tuple(axes)
    centred = x - x.mean(over, keepdims=True)
    normal = centred / np.sqrt((centred * centred).mean(over, keepdims=True) + np.float32(epsilon))
    normal = normal if gamma is None else normal * gamma
    shifted: Array = normal if beta is None else normal + beta
    return shifted


def softmax(x: Array, axis: int = -1) -> Array:
    """Exponentials over their sum, the greatest taken off first."""
    raised = np.exp(x - x.max(axis, keepdims=True))
    shares: Array = raised / raised.sum(axis, keepdims=True)
    return shares


def gelu(x: Array, mode: str = "EXACT") -> Array:
    """Gaussian error linear unit, exact or by one of its approximations."""
    found: Array
    if mode == "EXACT":
        found = np.float32(0.5) * x * (1 + erf(x / np.float32(_SQRT_2)))
    elif mode == "TANH_APPROXIMATION":
        inner = np.float32(_SQRT_2_OVER_PI) * (x + np.float32(0.044715) * x**3)
        found = np.float32(0.5) * x * (1 + np.tanh(inner))
    else:  # SIGMOID_APPROXIMATION
        found = x / (1 + np.exp(np.float32(-1.702) * x))
    return found


def scaled_dot_product_attention(
    query: Array, key: Array, value: Array, attn_mask: Array | None = None
) -> Array:
    """``softmax(Q K^T / sqrt(d) + mask) V`` (iOS 18); a boolean mask says where to look."""
    scores = matmul(query, key, transpose_y=True) / np.float32(np.sqrt(query.shape[-1]))
    if attn_mask is not None:
        keep = attn_mask.dtype == np.bool_
        scores = np.where(attn_mask, scores, -np.inf) if keep else scores + attn_mask
    return softmax(scores) @ value


def gather(
    x: Array, indices: Array, axis: int = 0, batch_dims: int = 0, validate_indices: bool = False
) -> Array:
    """Take slices of `x` along `axis`, the first `batch_dims` axes row by row."""
    if batch_dims == 0:
        return np.take(x, indices, axis=axis)
    rows = [gather(a, b, axis - 1, batch_dims - 1) for a, b in zip(x, indices, strict=True)]
    return np.stack(rows)


def gather_along_axis(
    x: Array, indices: Array, axis: int = 0, validate_indices: bool = False
) -> Array:
    """Take single values along `axis`; `indices` has the shape of the result."""
    return np.take_along_axis(x, indices.astype(np.int64), axis=axis)


def reshape(x: Array, shape: Sequence[int]) -> Array:
    """Give `x` another shape; 0 keeps a dimension and -1 is what remains.

    >>> reshape(np.zeros((2, 6)), [0, 3, -1]).shape
    (2, 3, 2)
    """
    wanted = [x.shape[i] if n == 0 else int(n) for i, n in enumerate(shape)]
    return x.reshape(wanted)


def slice_by_index(
    x: Array,
    begin: Sequence[int],
    end: Sequence[int],
    stride: Sequence[int] | None = None,
    begin_mask: Sequence[bool] | None = None,
    end_mask: Sequence[bool] | None = None,
    squeeze_mask: Sequence[bool] | None = None,
) -> Array:
    """Slice each axis; a mask says where `begin` or `end` is ignored, or one value is taken.

    >>> slice_by_index(np.arange(6).reshape(2, 3), [0, 1], [0, 3], end_mask=[True, False])
    array([[1, 2],
           [4, 5]])
    """
    open_begin, open_end, single = (
        [False] * x.ndim if mask is None else mask for mask in (begin_mask, end_mask, squeeze_mask)
    )
    parts: list[slice | int] = []
    for axis in range(x.ndim):
        if single[axis]:
            parts.append(int(begin[axis]))
            continue
        first = None if open_begin[axis] else int(begin[axis])
        last = None if open_end[axis] else int(end[axis])
        parts.append(slice(first, last, int(stride[axis]) if stride is not None else 1))
    return x[tuple(parts)]


def split(
    x: Array,
    axis: int,
    num_splits: int | None = None,
    split_sizes: Sequence[int] | None = None,
) -> list[Array]:
    """Cut `x` along `axis` into parts of equal or of given sizes."""
    if split_sizes is None:
        return np.split(x, int(num_splits or 1), axis)
    return np.split(x, np.cumsum(split_sizes)[:-1], axis)


def pad(x: Array, pad: Sequence[int], mode: str = "constant", constant_val: float = 0.0) -> Array:
    """Pad the last axes; `pad` holds before and after for each of them."""
    pairs = np.asarray(pad).reshape(-1, 2)
    widths = [(0, 0)] * (x.ndim - len(pairs)) + [(int(a), int(b)) for a, b in pairs]
    if mode == "constant":
        return np.pad(x, widths, constant_values=constant_val)
    return np.pad(x, widths, mode="edge" if mode == "replicate" else "reflect")


def concat(values: Sequence[Array], axis: int, interleave: bool = False) -> Array:
    """Join along `axis`; scalars count as vectors of one value."""
    return np.concatenate([np.atleast_1d(value) for value in values], axis)


def cumsum(x: Array, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Array:
    """Sum up along `axis`, from the end with `reverse`, without the value itself if `exclusive`."""
    turned = np.flip(x, axis) if reverse else x
    sums = np.cumsum(turned, axis, dtype=x.dtype)
    sums = sums - turned if exclusive else sums
    return np.flip(sums, axis) if reverse else sums


def cast(x: Array, dtype: str) -> Array:
    """Convert to the type of that name."""
    return x.astype(TYPES[dtype])


def real_div(x: Array, y: Array) -> Array:
    """Divide; integers give the whole number towards minus infinity, as the specification says."""
    if np.issubdtype(np.result_type(x, y), np.integer):
        return np.floor_divide(x, y)
    return np.divide(x, y)


def _over(reduce: Callable[..., Any]) -> Operator:
    def operator(x: Array, axes: Sequence[int] | None = None, keep_dims: bool = False) -> Array:
        over = None if axes is None else tuple(int(a) for a in axes)
        found: Array = reduce(x, axis=over, keepdims=bool(keep_dims))
        return found

    return operator


def _l2(x: Array, axis: tuple[int, ...] | None, keepdims: bool) -> Array:
    norm: Array = np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    return norm


def _binary(function: Callable[..., Any]) -> Operator:
    return lambda x, y: function(x, y)


def _unary(function: Callable[..., Any]) -> Operator:
    return lambda x: function(x)


OPERATORS: dict[str, Operator] = {
    "abs": _unary(np.abs),
    "add": _binary(np.add),
    "cast": cast,
    "clip": lambda x, alpha, beta: np.clip(x, alpha, beta),
    "concat": concat,
    "cos": _unary(np.cos),
    "cumsum": cumsum,
    "equal": _binary(np.equal),
    "erf": erf,
    "expand_dims": lambda x, axes: np.expand_dims(x, tuple(int(a) for a in axes)),
    "fill_like": lambda ref_tensor, value=0.0: np.full(ref_tensor.shape, value),
    "floor_div": _binary(np.floor_divide),
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "gelu": gelu,
    "greater": _binary(np.greater),
    "greater_equal": _binary(np.greater_equal),
    "identity": lambda x: x,
    "layer_norm": layer_norm,
    "less": _binary(np.less),
    "less_equal": _binary(np.less_equal),
    "linear": linear,
    "log": lambda x, epsilon=1e-45: np.log(x + np.float32(epsilon)),
    "logical_and": _binary(np.logical_and),
    "logical_not": _unary(np.logical_not),
    "logical_or": _binary(np.logical_or),
    "matmul": matmul,
    "maximum": _binary(np.maximum),
    "minimum": _binary(np.minimum),
    "mul": _binary(np.multiply),
    "not_equal": _binary(np.not_equal),
    "pad": pad,
    "pow": _binary(np.power),
    "range_1d": lambda start, end, step: np.arange(start, end, step),
    "real_div": real_div,
    "reduce_l2_norm": _over(_l2),
    "reduce_max": _over(np.max),
    "reduce_mean": _over(np.mean),
    "reduce_sum": _over(np.sum),
    "relu": lambda x: np.maximum(x, 0),
    "reshape": reshape,
    "rsqrt": lambda x, epsilon=1e-12: 1 / np.sqrt(x + np.float32(epsilon)),
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "select": lambda cond, a, b: np.where(cond, a, b),
    "shape": lambda x: np.array(x.shape, np.int32),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sin": _unary(np.sin),
    "slice_by_index": slice_by_index,
    "softmax": softmax,
    "split": split,
    "sqrt": _unary(np.sqrt),
    "squeeze": lambda x, axes=None: np.squeeze(x, None if axes is None else tuple(map(int, axes))),
    "stack": lambda values, axis: np.stack(values, axis),
    "sub": _binary(np.subtract),
    "tanh": _unary(np.tanh),
    "tile": lambda x, reps: np.tile(x, tuple(int(n) for n in reps)),
    "transpose": lambda x, perm: np.transpose(x, [int(a) for a in perm]),
}
