"""Fixtures of the measuring tests: tiny models as they take part, and what they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_distil.encoder import open_encoder
from edge_distil_bench.protocol.processes import Participant, participant
from edge_distil_bench.protocol.queries import Queries, make_queries

TINY = Path(__file__).parents[1] / "golden" / "tiny" / "question_answering"
TEXTS = [
    ("Who keeps the light?", "The old lighthouse keeper lives in London."),
    ("What is lovely?", "Ada works for ACME in Paris; the CAFÉ is at the river."),
    ("Who lives in London?", "The keeper of the light lives there."),
    ("Where is the river?", "The river is in Paris."),
    ("Who is Ada?", "Ada works."),
]


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The tiny question-answering bundle."""
    return TINY


@pytest.fixture(scope="session")
def queries() -> Queries:
    """Five questions."""
    return make_queries(open_encoder(TINY), "questions", "five questions", TEXTS)


@pytest.fixture(scope="session")
def padded() -> Queries:
    """The same, padded to 32 tokens."""
    return make_queries(open_encoder(TINY), "padded", "five questions", TEXTS, pad_to=32)


@pytest.fixture(scope="session")
def participants() -> list[Participant]:
    """Both variants, and a copy of the first."""
    fp32, int8 = (participant(f"tiny/{v}", TINY, v, 1) for v in ("fp32", "int8"))
    return [fp32, int8, participant("tiny/fp32", TINY, "fp32", 1, copy=1)]
