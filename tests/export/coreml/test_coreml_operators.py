"""Every operator of the evaluator against PyTorch's own, on drawn shapes and values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from coreml_cases import CASES
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_distil_export.coreml.constants import CONSTANTS
from edge_distil_export.coreml.erf import erf
from edge_distil_export.coreml.operators import OPERATORS

TOLERANCE = 2e-5  # float32, absolute and relative: sums in another order
ERF_TOLERANCE = 5e-7
EXAMPLES = 12


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
