"""The clocks change nothing: stages add up, and answers are the plain task's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge_distil
from edge_distil.encoder import open_encoder
from edge_distil.errors import InputError
from edge_distil_bench.protocol.queries import Queries, make_queries
from edge_distil_bench.protocol.timed_task import TimedTask, answer

# float32 sums in another order, over at most 32 more masked positions.
TOLERANCE = 1e-5


def test_stages_add_up_to_the_total(bundle: Path, queries: Queries) -> None:
    timed = TimedTask(edge_distil.load(bundle))
    for query in queries.texts:
        timing = timed(query)
        stages = (timing.tokenize, timing.features, timing.forward, timing.decode)
        assert sum(stages) == timing.total
        assert min(stages) > 0


@pytest.mark.parametrize("pad_to", [None, 32])
def test_answers_are_the_plain_tasks(bundle: Path, queries: Queries, pad_to: int | None) -> None:
    plain = edge_distil.load(bundle)
    timed = TimedTask(plain, pad_to)
    for query in queries.texts:
        expected, found = answer(plain, query), answer(timed.task, query)
        assert (found.text, found.start, found.end) == (expected.text, expected.start, expected.end)
        assert found.score == pytest.approx(expected.score, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "query"),
    [("embedding", ["Ada works."]), ("text_classification", ["Ada works."])],
)
def test_tasks_of_one_text(tiny: Path, name: str, query: list[str]) -> None:
    timing = TimedTask(edge_distil.load(tiny / name))(query)
    assert timing.tokenize > 0
    assert timing.forward > 0
    with pytest.raises(InputError, match="has 2 texts"):
        TimedTask(edge_distil.load(tiny / name))([*query, "more"])


def test_a_query_longer_than_the_padding_is_refused(bundle: Path, queries: Queries) -> None:
    with pytest.raises(InputError, match="at most 8 to pad to"):
        TimedTask(edge_distil.load(bundle), 8)(queries.texts[0])


def test_queries_hold_what_the_tokenizer_gives(
    truth: Callable[[str], dict[str, Any]], bundle: Path
) -> None:
    """The ids are those that transformers gives for the same pairs."""
    known = truth("question_answering")
    made = make_queries(open_encoder(bundle), "questions", "", known["pairs"], pad_to=32)
    for row, expected in zip(made.ids, known["input_ids"], strict=True):
        assert [*row, *[0] * (len(expected) - len(row))] == expected
    assert made.inputs.tokens == (32, 32)


def test_queries_must_fit_one_window(bundle: Path) -> None:
    encoder = open_encoder(bundle)
    with pytest.raises(InputError, match="expected one: shorten it"):
        make_queries(encoder, "q", "", [("Who?", "the light " * 200)], max_length=32)
    with pytest.raises(InputError, match="no queries"):
        make_queries(encoder, "q", "", [])
