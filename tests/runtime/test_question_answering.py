"""Windows, spans and parameters; whole answers are checked in tests/export/test_golden_qa.py."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge_distil as ed
from edge_distil.errors import InputError
from edge_distil.tasks.spans import top_spans

CONTEXT = "The keeper lives in London. Ada was in Paris, at the river. " * 30


@pytest.fixture(scope="module")
def qa(tiny: Path) -> ed.QuestionAnswering:
    return ed.QuestionAnswering.load(tiny / "question_answering")


def test_answers_stand_where_they_say(qa: ed.QuestionAnswering) -> None:
    [answers] = qa.batch([("Who lives in London?", CONTEXT)], top_k=20)
    assert len({answer.text.lower() for answer in answers}) == len(answers) > 1
    assert all(CONTEXT[a.start : a.end] == a.text for a in answers)
    assert [a.score for a in answers] == sorted((a.score for a in answers), reverse=True)


def test_no_answer_competes_when_it_may(qa: ed.QuestionAnswering) -> None:
    pair = ("Who?", "storm")
    plain = qa.batch([pair], top_k=9)[0]
    with_none = qa.batch([pair], top_k=9, handle_impossible_answer=True)[0]
    assert [a for a in with_none if a.text] == plain
    assert [(a.start, a.end) for a in with_none if not a.text] == [(0, 0)]


def test_the_longest_answer_counts_tokens(qa: ed.QuestionAnswering) -> None:
    [answers] = qa.batch([("Who?", CONTEXT)], top_k=50, max_answer_len=1)
    assert all(" " not in answer.text for answer in answers)


def test_windows_overlap_by_the_stride(qa: ed.QuestionAnswering) -> None:
    windows = qa.encoder.tokenizer.pair_windows(
        "Who?", CONTEXT, max_length=40, stride=11, max_first=64
    )
    parts = [[o for o, s in zip(w.offsets, w.sequence_ids, strict=True) if s == 1] for w in windows]
    assert len(windows) > 10
    assert all(len(w) == 40 for w in windows[:-1])
    for left, right in pairwise(parts):
        assert left[-11:] == right[:11]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"top_k": 0}, "top_k is 0"),
        ({"max_answer_len": 0}, "max_answer_len is 0"),
        ({"doc_stride": -1}, "doc_stride is -1"),
        ({"max_seq_len": 16, "doc_stride": 12}, "raise max_seq_len or lower doc_stride"),
        ({"max_seq_len": 3, "doc_stride": 0}, "no room beside the special tokens"),
    ],
)
def test_parameters_out_of_range(
    qa: ed.QuestionAnswering, parameters: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        qa.batch([("Who lives in London?", CONTEXT)], **parameters)  # type: ignore[arg-type]


def test_the_question_is_cut(qa: ed.QuestionAnswering) -> None:
    """A question longer than the window still gets an answer; the pipeline fails here."""
    assert qa("who " * 500, CONTEXT, max_question_len=10).text


probabilities = st.lists(st.sampled_from([-1.0, 0.0, 0.125, 0.25, 0.5]), min_size=1, max_size=12)


@given(probabilities, probabilities, st.integers(1, 14), st.integers(1, 30))
def test_top_spans_equals_trying_all(a: list[float], b: list[float], longest: int, n: int) -> None:
    size = min(len(a), len(b))
    start, end = np.float32(a[:size]), np.float32(b[:size])
    every = [
        (first, last, float(start[first] * end[last]))
        for first in range(size)
        for last in range(first, min(first + longest, size))
        if start[first] >= 0 and end[last] >= 0
    ]
    expected = sorted(every, key=lambda span: -span[2])[:n]
    assert top_spans(start, end, longest, n) == expected
