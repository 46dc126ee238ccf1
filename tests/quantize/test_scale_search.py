"""The search for a scale, against every scale that numpy can try and plain rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edge_distil_quantize.kernels.scale_search import search_scales

RANGES = [(-127, 127), (-8, 7), (-128, 127)]


def squared_error(groups: np.ndarray, scales: np.ndarray, lowest: int, highest: int) -> np.ndarray:
    exact, steps = groups.astype(np.float64), scales.astype(np.float64)[:, None]
    return ((np.clip(np.rint(exact / steps), lowest, highest) * steps - exact) ** 2).sum(1)


def plain_scales(groups: np.ndarray, lowest: int) -> np.ndarray:
    greatest = np.abs(groups).max(1)
    return np.where(greatest == 0, 1, greatest / -lowest).astype(np.float32)


@pytest.mark.parametrize(
    ("lowest", "highest", "gain"), [(-127, 127, 1), (-8, 7, 0.8), (-128, 127, 0.85)]
)
def test_is_as_near_as_a_fine_grid_finds(lowest, highest, gain):
    groups = np.random.default_rng(0).standard_t(4, (200, 32)).astype(np.float32)
    found = squared_error(groups, search_scales(groups, lowest, highest, 31), lowest, highest)
    grid = [
        squared_error(groups, plain_scales(groups, lowest) * factor * sign, lowest, highest)
        for factor in np.linspace(0.5, 1, 400)
        for sign in (1, -1)
    ]
    plain = squared_error(groups, plain_scales(groups, lowest), lowest, highest)
    assert found.sum() <= 1.03 * np.min(grid, axis=0).sum()
    assert found.sum() <= gain * plain.sum()


@given(
    arrays(np.float32, (5, 4), elements=st.integers(-(10**6), 10**6).map(float)),
    st.sampled_from(RANGES),
)
def test_never_worse_than_plain_rounding(groups, limits):
    lowest, highest = limits
    scales = search_scales(groups, lowest, highest, 8)
    assert (scales != 0).all()
    assert lowest != -highest or (scales > 0).all()
    plain = squared_error(groups, plain_scales(groups, lowest), lowest, highest)
    found = squared_error(groups, scales, lowest, highest)
    assert (found <= plain * (1 + 1e-4) + 1e-12 * (groups.astype(float) ** 2).max()).all()


def test_numbers_too_small_to_divide_by_are_zeros():
    groups = np.array([[0, 0], [1e-44, -1e-44], [1e-38, 0]], np.float32)
    assert search_scales(groups, -8, 7, 8).tolist() == [1, 1, 1]


def test_blocks_do_not_show():
    groups = np.random.default_rng(1).normal(size=(40_000, 16)).astype(np.float32)  # five blocks
    together = search_scales(groups, -8, 7, 4)
    apart = np.concatenate([search_scales(part, -8, 7, 4) for part in np.split(groups, 100)])
    np.testing.assert_array_equal(together, apart)
