"""Answers against transformers 4.57.6's question-answering pipeline, on 50 own-written cases.

tests/golden/regenerate_qa.py made the truth in an environment of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed

GOLDEN = Path(__file__).parents[1] / "golden"
SCORE = 1e-3
# Cases where the pipeline's answers are not wanted, and why.
JUNK = "context-shorter-than-top-k"  # it fills up with an empty span at score 0
QUESTION_ANSWERS = "special-token-in-question"  # a literal [CLS] lets the question answer itself
UNCUT_QUESTION = "question-limit-ignored"  # it ignores max_question_len for fast tokenizers
# It adds up over windows what several of them see, to "probabilities" of 1.3 and 6.9.
ADDED_UP = {"long-128-100", "long-64-16", "long-impossible"}
DIFFERENT = {JUNK, QUESTION_ANSWERS, UNCUT_QUESTION, *ADDED_UP}


def read(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


CASES: dict[str, Any] = {case["id"]: case for case in read("qa_cases.json")}
EXPECTED = {result["id"]: result for result in read("qa_expected.json")["results"]}


@pytest.fixture(scope="module")
def qa(embedded_bundle: Path) -> ed.QuestionAnswering:
    return ed.QuestionAnswering.load(embedded_bundle, variant="fp32")


def answers(qa: ed.QuestionAnswering, name: str, **changes: Any) -> list[ed.Answer]:
    case = CASES[name]
    pair = (case["question"], case["context"])
    return qa.batch([pair], **{**case["params"], **changes})[0]


def expected(name: str) -> list[ed.Answer]:
    return [
        ed.Answer(a["answer"], pytest.approx(a["score"], abs=SCORE), a["start"], a["end"])
        for a in EXPECTED[name]["answers"]
    ]


def test_there_are_fifty_cases() -> None:
    assert len(CASES) == 50
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(set(CASES) - DIFFERENT))
def test_answers_equal_the_pipeline(qa: ed.QuestionAnswering, name: str) -> None:
    found = answers(qa, name)
    assert found == expected(name)
    assert all(CASES[name]["context"][a.start : a.end] == a.text for a in found)


@pytest.mark.parametrize("name", sorted(ADDED_UP))
def test_what_several_windows_see_counts_once(qa: ed.QuestionAnswering, name: str) -> None:
    """The same best answer at the same place; no score is above 1, none above the sum."""
    found, theirs = answers(qa, name), EXPECTED[name]["answers"]
    best = theirs[0]
    assert (found[0].text, found[0].start, found[0].end) == (
        best["answer"], best["start"], best["end"],
    )  # fmt: skip
    assert best["score"] > 1 >= found[0].score
    sums = {answer["answer"].lower(): answer["score"] for answer in theirs}
    assert all(a.score <= sums.get(a.text.lower(), 1) + SCORE for a in found)


def test_no_empty_spans_at_score_zero(qa: ed.QuestionAnswering) -> None:
    assert answers(qa, JUNK) == [answer for answer in expected(JUNK) if answer.text]


def test_the_question_never_answers_itself(qa: ed.QuestionAnswering) -> None:
    in_context = [a for a in expected(QUESTION_ANSWERS) if a.end > a.start]
    assert answers(qa, QUESTION_ANSWERS)[0] == in_context[0]


def test_without_its_limit_the_question_is_whole(qa: ed.QuestionAnswering) -> None:
    assert answers(qa, UNCUT_QUESTION, max_question_len=64) == expected(UNCUT_QUESTION)
