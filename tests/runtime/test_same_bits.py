"""An answer is the same, bit for bit, alone and in any company and order: every task."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from same_bits import WORDS, differences

import edge_distil as ed

TINY = Path(__file__).parents[1] / "golden" / "tiny"
BUNDLES = (
    "embedding", "fill_mask", "late_interaction", "multi_label", "multiple_choice",
    "question_answering", "sparse_embedding",
    "static_embedding", "text_classification", "token_classification",
)  # fmt: skip


@cache
def opened(name: str, variant: str, threads: int) -> Any:
    return ed.load(TINY / name, variant=variant, threads=threads)


texts = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)


@pytest.mark.parametrize("variant", ["fp32", "int8"])
@pytest.mark.parametrize("name", BUNDLES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(texts, min_size=1, max_size=40), st.sampled_from((1, 2)), st.randoms())
def test_no_company_moves_a_bit(
    name: str, variant: str, given: Sequence[str], threads: int, random: Any
) -> None:
    task = opened(name, variant, threads)
    assert differences(task, given, random) == []


def test_a_graph_that_adds_up_in_another_order_for_a_row_alone_is_found_out() -> None:
    """Ours of old, 16 numbers wide, pool by ReduceSum; see `Encoder.moves_alone`."""
    task = opened("embedding", "fp32", 1)
    assert task.encoder.moves_alone
    words = [" ".join(WORDS[:count]) for count in range(7, 20)]
    alone = np.stack([task.encode(text) for text in words])
    np.testing.assert_array_equal(task.encode(words * 3), np.tile(alone, (3, 1)))
