"""A case: an operator's arguments, drawn, and what PyTorch gives for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Draw = Callable[..., Any]
Case = tuple[dict[str, Any], Any]  # arguments of the operator, PyTorch's result
CASES: dict[str, Callable[[Draw], Case]] = {}


def case(*kinds: str) -> Callable[[Callable[..., Case]], Callable[..., Case]]:
    def register(make: Callable[..., Case]) -> Callable[..., Case]:
        for kind in kinds:
            CASES[kind] = make if len(kinds) == 1 else lambda draw, kind=kind: make(draw, kind)
        return make

    return register


def array(draw: Draw, shape: Any = None, low: float = -4.0, high: float = 4.0) -> Any:
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=3, max_side=5)) if shape is None else shape
    numbers = st.floats(low, high, width=32, allow_subnormal=False)
    return draw(hnp.arrays(np.float32, shape, elements=numbers))


def integers(draw: Draw, shape: Any, low: int, high: int) -> Any:
    return draw(hnp.arrays(np.int32, shape, elements=st.integers(low, high)))


def tensor(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def pair(draw: Draw) -> tuple[Any, Any]:
    """Two arrays that broadcast."""
    x = array(draw)
    return x, array(draw, tuple(1 if draw(st.booleans()) else n for n in x.shape))
