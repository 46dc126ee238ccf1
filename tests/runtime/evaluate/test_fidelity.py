"""Fidelity figures, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from edge_distil.errors import InputError
from edge_distil.evaluate import fidelity


def test_vectors() -> None:
    found = fidelity.of_vectors([[3.0, 4.0], [1.0, 0.0]], [[4.0, 3.0], [1.0, 0.0]])
    assert found.to_dict() == {
        "count": 2,
        "max_difference": 1.0,
        "mean_difference": 0.5,
        "cosine_mean": pytest.approx(0.98),
        "cosine_min": pytest.approx(0.96),
        "cosine_p1": pytest.approx(0.9604),
    }


def test_logits() -> None:
    reference = [[1.0, 2.0, 0.0], [5.0, 4.0, 3.0]]
    variant = [[1.0, 2.5, 0.0], [4.0, 4.25, 3.0]]
    found = fidelity.of_logits(reference, variant)
    assert found.agreement == 0.5
    assert found.max_difference == 1.0
    assert found.mean_difference == pytest.approx(1.75 / 6)
    assert found.spearman == pytest.approx(1 - 6 * 2 / (6 * 35))  # one pair of ranks swapped


def test_answers() -> None:
    found = fidelity.of_answers(
        ["Ada", "", "x"], ["Ada", "", "y"], [0.9, 0.2, 0.5], [0.8, 0.2, 0.1]
    )
    assert found.agreement == pytest.approx(2 / 3)
    assert found.max_difference == pytest.approx(0.4)
    assert found.mean_difference == pytest.approx(0.5 / 3)
    assert found.spearman == pytest.approx(0.5)
    assert found.cosine_mean is None


def test_a_thing_is_faithful_to_itself() -> None:
    vectors = np.random.default_rng(7).normal(size=(50, 8))
    found = fidelity.of_logits(vectors, vectors)
    assert found.agreement == found.spearman == 1.0
    assert found.max_difference == 0.0
    assert found.cosine_min == pytest.approx(1.0)


def test_a_figure_that_is_not_finite_is_none_not_absent() -> None:
    found = fidelity.of_vectors([[1.0, 0.0]], [[math.nan, 0.0]])
    assert found.to_dict()["cosine_mean"] is None
    assert "agreement" not in found.to_dict()


@pytest.mark.parametrize(
    "call",
    [
        lambda: fidelity.of_vectors(np.zeros((0, 3)), np.zeros((0, 3))),
        lambda: fidelity.of_answers([], [], [], []),
    ],
)
def test_nothing_to_compare(call: object) -> None:
    assert callable(call)
    with pytest.raises(InputError, match="no rows"):
        call()
