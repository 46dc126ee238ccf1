"""Rounding on data, against plain rounding, exhaustive search and numpy in float64."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from edge_distil_quantize.kernels.gptq import cholesky_in_place, factor, round_matrix
from edge_distil_quantize.kernels.int8 import quantize_matrix, saturates_16_bits
from edge_distil_quantize.kernels.moments import Moments


def correlated(tokens: int, inputs: int, seed: int = 0) -> np.ndarray:
    """Tokens whose channels share a few causes and differ a hundredfold in size."""
    generator = np.random.default_rng(seed)
    causes = generator.normal(size=(tokens, inputs // 4))
    mixed = causes @ generator.normal(size=(inputs // 4, inputs))
    sizes = 10 ** generator.uniform(-1, 1, inputs)
    return ((mixed + 0.3 * generator.normal(size=mixed.shape)) * sizes).astype(np.float32)


def output_errors(x: np.ndarray, matrix: np.ndarray, made) -> np.ndarray:
    """Squared error of each output in float64, its mean left out: the bias takes it."""
    difference = made.values.astype(np.float64) * made.scales - matrix
    return (x.astype(np.float64) @ difference).var(0)


@pytest.mark.parametrize("inputs", [5, 256, 600])
def test_cholesky_equals_numpys(inputs):
    x = correlated(2 * inputs, inputs).astype(np.float64)
    matrix = (x.T @ x / len(x) + np.eye(inputs)).astype(np.float32)
    expected = np.linalg.cholesky(matrix.astype(np.float64))
    cholesky_in_place(matrix)
    np.testing.assert_allclose(matrix, expected, atol=1e-4 * np.abs(expected).max())


def test_a_matrix_that_is_not_definite_is_damped_until_it_is():
    indefinite = np.array([[1, 2], [2, 1]], np.float32)
    with pytest.raises(np.linalg.LinAlgError):
        cholesky_in_place(indefinite.copy())
    found = factor(indefinite, damping=0.01)
    assert np.isfinite(found.unit).all()


def test_the_factors_multiply_to_the_damped_covariance():
    covariance = np.cov(correlated(500, 40).astype(np.float64).T).astype(np.float32)
    order, unit = factor(covariance, damping=0.01)
    damped = covariance + 0.01 * np.diag(covariance).mean() * np.eye(40)
    inverse = np.linalg.inv(unit.astype(np.float64))
    diagonal = inverse @ damped[np.ix_(order, order)] @ inverse.T
    scale = np.abs(damped).max()
    np.testing.assert_allclose(diagonal, np.diag(np.diag(diagonal)), atol=1e-5 * scale)
    np.testing.assert_array_equal(np.tril(unit), np.eye(40))
    assert (np.diff(np.diag(covariance)[order]) <= 0).all()


@pytest.mark.parametrize("covariance", [np.eye(33), np.zeros((33, 33))])
def test_inputs_that_are_not_correlated_are_rounded_by_themselves(covariance):
    matrix = np.random.default_rng(1).normal(size=(33, 20)).astype(np.float32)
    made = round_matrix(matrix, factor(covariance.astype(np.float32), damping=0.01))
    expected = quantize_matrix(matrix, "columns")
    np.testing.assert_array_equal(made.values, expected.values)
    np.testing.assert_array_equal(made.scales, expected.scales)


@pytest.mark.parametrize("inputs", [64, 129])
def test_outputs_are_nearer_than_with_plain_rounding(inputs):
    x = correlated(1000, inputs)
    matrix = np.random.default_rng(2).normal(size=(inputs, 50)).astype(np.float32)
    covariance = np.cov(x.astype(np.float64).T).astype(np.float32)
    plain = output_errors(x, matrix, quantize_matrix(matrix, "columns"))
    made = round_matrix(matrix, factor(covariance, damping=0.01))
    assert output_errors(x, matrix, made).mean() < 0.3 * plain.mean()
    assert not saturates_16_bits(made.values)
    assert np.abs(made.values.astype(int)).max() <= 127


def test_little_is_left_to_an_exhaustive_search():
    """Four inputs, each rounded up or down, in every way."""
    x = correlated(300, 4, seed=4)
    matrix = np.random.default_rng(5).normal(size=(4, 40)).astype(np.float32)
    covariance = np.cov(x.astype(np.float64).T).astype(np.float32)
    made = round_matrix(matrix, factor(covariance, damping=1e-6))
    ways = np.array(list(itertools.product([0, 1], repeat=4)))[..., None]  # (16, inputs, 1)
    candidates = (np.floor(matrix / made.scales) + ways) * made.scales - matrix
    best = (x.astype(np.float64) @ candidates).var(1).min(0)
    plain = output_errors(x, matrix, quantize_matrix(matrix, "columns"))
    ours = output_errors(x, matrix, made)
    assert ours.sum() - best.sum() < 0.3 * (plain.sum() - best.sum())


def test_moments_equal_numpys():
    exact = correlated(1500, 30) + 1000  # far from zero: sums of squares would lose digits
    given = exact + np.float32(0.5)
    moments = Moments()
    for start in range(0, 1500, 70):
        moments.add(given[start : start + 70], exact[start : start + 70])
    np.testing.assert_allclose(moments.means()[0], given.mean(0, np.float64), rtol=1e-6)
    np.testing.assert_allclose(moments.means()[1], exact.mean(0, np.float64), rtol=1e-6)
    expected = np.cov(given.astype(np.float64).T, bias=True)
    np.testing.assert_allclose(
        moments.take_covariance(), expected, atol=1e-5 * np.abs(expected).max()
    )
