"""The kernels against onnxruntime's own quantizer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnxruntime.quantization.quant_utils import QuantType, quantize_data

from edge_distil_quantize.weights import (
    MATMUL_LIMIT,
    TABLE_LIMIT,
    quantize_matrix,
    saturates_16_bits,
)

LARGE = 2.0**127  # near the end of float32


def reference(channel: np.ndarray, reduce_range: bool) -> tuple[float, np.ndarray]:
    """onnxruntime's symmetric int8, the range reduced to 7 bits or whole."""
    zero_point, scale, values = quantize_data(
        channel, QuantType.QInt8.tensor_type, symmetric=True, reduce_range=reduce_range
    )
    assert zero_point == 0
    return float(scale), values


@pytest.mark.parametrize(
    ("along", "limit", "reduce_range"),
    [("columns", MATMUL_LIMIT, True), ("rows", TABLE_LIMIT, False)],
)
def test_equals_onnxruntimes_symmetric_quantizer(along, limit, reduce_range):
    matrix = np.random.default_rng(0).normal(0, 0.05, (300, 70)).astype(np.float32)
    values, scales = quantize_matrix(matrix, along, limit)
    channels = matrix.T if along == "columns" else matrix
    ours = values.T if along == "columns" else values
    for channel, got, scale in zip(channels, ours, scales, strict=True):
        expected_scale, expected = reference(channel, reduce_range)
        assert scale == pytest.approx(expected_scale, rel=1e-6)
        np.testing.assert_array_equal(got, expected)


def test_blocks_do_not_show():
    matrix = np.random.default_rng(1).normal(size=(3000, 300)).astype(np.float32)  # four blocks
    values, scales = quantize_matrix(matrix, "columns", MATMUL_LIMIT)
    np.testing.assert_array_equal(values, np.rint(matrix / scales))


@settings(deadline=None)
@given(
    arrays(np.float32, (4, 3), elements=st.floats(-LARGE, LARGE, width=32)),
    st.sampled_from(["columns", "rows"]),
    st.sampled_from([MATMUL_LIMIT, TABLE_LIMIT]),
)
def test_stays_within_the_limit_and_half_a_step(matrix, along, limit):
    values, scales = quantize_matrix(matrix, along, limit)
    steps = (scales if along == "columns" else scales[:, None]).astype(np.float64)
    assert np.abs(values.astype(int)).max() <= limit
    if scales.min() > 1e-30:  # subnormal scales lose digits
        assert (np.abs(values * steps - matrix) <= 0.5001 * steps).all()


def test_limits_are_what_sixteen_bits_hold():
    assert not saturates_16_bits(np.array([MATMUL_LIMIT, -MATMUL_LIMIT], np.int8))
    assert saturates_16_bits(np.array([MATMUL_LIMIT + 1], np.int8))
