"""The kernels against onnxruntime's own quantizer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnxruntime.quantization.quant_utils import QuantType, quantize_data

from edge_distil_quantize.kernels.int8 import quantize_matrix, saturates_16_bits

LARGE = 2.0**127  # near the end of float32


def reference(channel: np.ndarray) -> tuple[float, np.ndarray]:
    """onnxruntime's symmetric int8."""
    zero_point, scale, values = quantize_data(channel, QuantType.QInt8.tensor_type, symmetric=True)
    assert zero_point == 0
    return float(scale), values


def test_tables_equal_onnxruntimes_symmetric_quantizer():
    matrix = np.random.default_rng(0).normal(0, 0.05, (70, 300)).astype(np.float32)
    values, scales = quantize_matrix(matrix, "rows", multiplied=False)
    for row, got, scale in zip(matrix, values, scales, strict=True):
        expected_scale, expected = reference(row)
        assert scale == pytest.approx(expected_scale, rel=1e-6)
        np.testing.assert_array_equal(got, expected)


def test_blocks_do_not_show():
    matrix = np.random.default_rng(1).normal(size=(3000, 300)).astype(np.float32)  # four blocks
    values, scales = quantize_matrix(matrix, "columns")
    np.testing.assert_array_equal(values, np.rint(matrix / scales))


def test_pairs_leave_more_levels_than_seven_bits():
    matrix = np.random.default_rng(2).normal(size=(384, 50)).astype(np.float32)
    _, scales = quantize_matrix(matrix, "columns")
    seven_bits = np.abs(matrix).max(0) / 64
    assert (scales <= seven_bits * (1 + 1e-6)).all()  # never fewer, whatever the pairs
    assert scales.mean() < 0.8 * seven_bits.mean()


@given(
    arrays(np.float32, (5, 3), elements=st.floats(-LARGE, LARGE, width=32)),
    st.sampled_from(["columns", "rows"]),
    st.booleans(),
)
def test_stays_within_the_limits_and_half_a_step(matrix, along, multiplied):
    values, scales = quantize_matrix(matrix, along, multiplied=multiplied)
    steps = (scales if along == "columns" else scales[:, None]).astype(np.float64)
    magnitudes = np.abs(values.astype(int)) if along == "columns" else np.abs(values.astype(int)).T
    assert magnitudes.max() <= 127
    if multiplied:
        pairs = zip(magnitudes[0::2], magnitudes[1::2], strict=False)
        assert max((a + b).max() for a, b in pairs) <= 128
    if scales.min() > 1e-30:  # subnormal scales lose digits
        assert (np.abs(values * steps - matrix) <= 0.5001 * steps).all()


@pytest.mark.parametrize("pair", [(127, 1), (64, -64), (0, 127), (-127, -1)])
def test_pairs_that_sixteen_bits_hold(pair):
    assert 255 * sum(map(abs, pair)) <= 32_767
    assert not saturates_16_bits(np.array(pair, np.int8)[:, None])
    assert not saturates_16_bits(np.array(pair, np.int8)[None], "rows")


@pytest.mark.parametrize("pair", [(127, 2), (65, -64), (-128, 1)])
def test_pairs_that_saturate(pair):
    assert saturates_16_bits(np.array(pair, np.int8)[:, None])
    assert saturates_16_bits(np.array(pair, np.int8)[None], "rows")
