"""Correlations against SciPy's, classification figures against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from edge_distil.evaluate.classification import confusion, counts, multi_label_counts
from edge_distil.evaluate.sts import average_ranks, cosines, pearson, spearman

stats = pytest.importorskip("scipy.stats")
metrics = pytest.importorskip("sklearn.metrics")
pairwise = pytest.importorskip("sklearn.metrics.pairwise")

TOLERANCE = 1e-9  # two orders of summation in float64
SIZE = st.integers(2, 60)
# Few distinct values, so that there are many ties; and any values, so that there are none.
TIED = st.integers(-3, 3).map(float)
FREE = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)


@st.composite
def two_series(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SIZE)
    a, b = (
        draw(npst.arrays(np.float64, shape, elements=draw(st.sampled_from([TIED, FREE]))))
        for _ in range(2)
    )
    return a, b


def well_spread(values: np.ndarray) -> bool:
    """SciPy warns of, and float64 cannot decide, series that differ by rounding errors only."""
    return bool(np.ptp(values) > 1e-6 * max(1.0, np.abs(values).max()))


@given(two_series())
def test_spearman(series: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = series
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(spearman(a, b))
        return
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=TOLERANCE)


@given(two_series())
def test_pearson(series: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = series
    if well_spread(a) and well_spread(b):
        assert pearson(a, b) == pytest.approx(stats.pearsonr(a, b).statistic, abs=TOLERANCE)


@given(npst.arrays(np.float64, SIZE, elements=TIED))
def test_average_ranks(values: np.ndarray) -> None:
    assert average_ranks(values).tolist() == stats.rankdata(values).tolist()


@given(npst.arrays(np.float32, (2, 7, 5), elements=st.floats(0.5, 10, width=32)))
def test_cosines(vectors: np.ndarray) -> None:
    expected = np.diag(pairwise.cosine_similarity(*vectors.astype(np.float64)))
    assert cosines(*vectors) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_single_label_averages(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    matrix = confusion(truth, predicted, 5)
    assert (matrix == metrics.confusion_matrix(truth, predicted, labels=range(5))).all()
    found = counts(matrix).occurring()
    for average in ("micro", "macro", "weighted"):
        expected = metrics.precision_recall_fscore_support(
            truth, predicted, average=average, zero_division=0
        )[:3]
        scores = getattr(found, average)()
        assert (scores.precision, scores.recall, scores.f1) == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_binary(pairs: list[tuple[bool, bool]]) -> None:
    truth, predicted = np.array(pairs, int).T
    expected = metrics.precision_recall_fscore_support(
        truth, predicted, average="binary", zero_division=0
    )[:3]
    scores = counts(confusion(truth, predicted, 2)).binary()
    assert (scores.precision, scores.recall, scores.f1) == pytest.approx(expected)


@given(npst.arrays(bool, st.tuples(st.just(2), st.integers(1, 20), st.integers(2, 5))))
def test_multi_label_averages(tables: np.ndarray) -> None:
    truth, predicted = tables
    found = multi_label_counts(truth, predicted)
    for average in ("micro", "macro", "weighted"):
        expected = metrics.f1_score(truth, predicted, average=average, zero_division=0)
        assert getattr(found, average)().f1 == pytest.approx(expected)
