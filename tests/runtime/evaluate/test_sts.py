"""Correlations and cosines, by hand and by published figures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_distil.errors import InputError
from edge_distil.evaluate.sts import average_ranks, cosines, pearson, spearman

VALUES = st.lists(st.integers(-5, 5), min_size=2, max_size=20)


def test_spearman_of_the_textbook_example() -> None:
    """IQ and hours of television: rho = -29/165 (Wikipedia, "Spearman's rank correlation")."""
    iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    assert spearman(iq, hours) == pytest.approx(-29 / 165)


def test_pearson_of_anscombes_quartet() -> None:
    """Anscombe 1973, "Graphs in statistical analysis": r = 0.816 for all four."""
    x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5]
    first = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68]
    second = [9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74]
    assert pearson(x, first) == pytest.approx(0.816, abs=5e-4)
    assert pearson(x, second) == pytest.approx(0.816, abs=5e-4)


def test_ranks_share_ties() -> None:
    assert average_ranks([5.0, 1.0, 5.0, 5.0, 0.0]).tolist() == [4.0, 2.0, 4.0, 4.0, 1.0]
    assert average_ranks([-0.0, 0.0]).tolist() == [1.5, 1.5]


def test_spearman_with_ties() -> None:
    """Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: covariance 4.5, squares 4.5 and 5."""
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(4.5 / math.sqrt(4.5 * 5))


@pytest.mark.parametrize("measure", [pearson, spearman])
@pytest.mark.parametrize(
    ("a", "b"), [([1, 1], [1, 2]), ([1, 2], [3, 3]), ([1], [1]), ([], []), ([1, 2], [1, math.nan])]
)
def test_no_correlation_to_be_had(measure: object, a: list[float], b: list[float]) -> None:
    assert callable(measure)
    assert math.isnan(measure(a, b))


@pytest.mark.parametrize("measure", [pearson, spearman])
def test_large_and_small_values(measure: object) -> None:
    assert callable(measure)
    assert measure([1e300, 2e300, 4e300], [1e-300, 2e-300, 4e-300]) == pytest.approx(1.0)
    assert measure([1e9, 1e9 + 1], [3, 2]) == pytest.approx(-1.0)


def test_series_of_two_lengths() -> None:
    with pytest.raises(InputError, match=r"\(2,\) and \(3,\)"):
        spearman([1, 2], [1, 2, 3])


@given(VALUES, st.data())
def test_spearman_depends_on_ranks_alone(a: list[int], data: st.DataObject) -> None:
    b = data.draw(st.lists(st.integers(-5, 5), min_size=len(a), max_size=len(a)))
    same = pytest.approx(spearman(a, b), nan_ok=True)
    assert spearman(np.exp(a), b) == same
    assert spearman(b, a) == same
    order = data.draw(st.permutations(range(len(a))))
    assert spearman(np.array(a)[order], np.array(b)[order]) == same
    assert spearman(a, -np.array(b)) == pytest.approx(-spearman(a, b), nan_ok=True)


def test_cosines() -> None:
    first = [[3.0, 4.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0], [-2.0, 0.0]]
    second = [[4.0, 3.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [5.0, 0.0]]
    expected = [0.96, math.sqrt(0.5), 1.0, 0.0, -1.0]
    assert cosines(first, second) == pytest.approx(expected)


def test_cosines_need_two_equal_shapes() -> None:
    with pytest.raises(InputError, match=r"\(1, 2\) and \(1, 3\)"):
        cosines([[1, 2]], [[1, 2, 3]])
    with pytest.raises(InputError, match="two equal"):
        cosines([1, 2], [1, 2])
