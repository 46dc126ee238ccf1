"""Counts, averages and entities, by hand and by published figures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_distil.evaluate.classification import (
    Counts,
    Scores,
    accuracy,
    confusion,
    counts,
    multi_label_counts,
)
from edge_distil.evaluate.spans import Span, TaggedSentence, span_counts, spans, word_tags

TAGS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=12)


def test_published_example_of_scikit_learn() -> None:
    """The f1_score and precision_score pages: macro 0.27 and 0.22, micro 0.33, weighted 0.27."""
    found = counts(confusion([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], 3))
    assert found.macro().f1 == pytest.approx(0.8 / 3)
    assert found.macro().precision == pytest.approx(2 / 9)
    assert found.micro() == Scores(*[pytest.approx(1 / 3)] * 3)
    assert found.weighted().f1 == pytest.approx(0.8 / 3)


def test_binary_scores_the_second_class() -> None:
    matrix = confusion([1, 1, 1, 0, 0], [1, 1, 0, 1, 0], 2)
    assert matrix.tolist() == [[1, 1], [1, 2]]
    assert accuracy(matrix) == 0.6
    assert counts(matrix).binary() == Scores(*[pytest.approx(2 / 3)] * 3)
    assert counts(matrix).binary(0) == Scores(0.5, 0.5, 0.5)


def test_weighted_follows_the_true_classes() -> None:
    found = counts(confusion([0, 0, 0, 1], [0, 0, 0, 0], 2))
    assert found.weighted().recall == 0.75
    assert found.macro().recall == 0.5


def test_zero_of_zero_is_zero() -> None:
    nothing = multi_label_counts([[0, 0]], [[0, 0]])
    for scores in (nothing.micro(), nothing.macro(), nothing.weighted()):
        assert scores == Scores(0.0, 0.0, 0.0)
    assert span_counts([[]], [[]]).micro() == Scores(0.0, 0.0, 0.0)


def test_a_class_that_never_occurs_is_left_out_on_demand() -> None:
    found = counts(confusion([0, 2], [0, 2], 4))
    assert found.macro().f1 == 0.5
    assert found.occurring().macro().f1 == 1.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1), st.randoms())
def test_micro_is_accuracy_and_order_plays_no_part(
    pairs: list[tuple[int, int]], random: object
) -> None:
    matrix = confusion(*np.array(pairs).T, 4)
    scores = counts(matrix).micro()
    assert scores == Scores(*[pytest.approx(accuracy(matrix))] * 3)
    random.shuffle(pairs)  # type: ignore[attr-defined]
    assert (confusion(*np.array(pairs).T, 4) == matrix).all()


def test_published_output_of_conlleval() -> None:
    """CoNLL-2000's output page: 459 phrases, 539 found, 371 correct: 68.83, 80.83, 74.35 %."""
    scores = Counts(np.array([371]), np.array([539 - 371]), np.array([459 - 371])).micro()
    assert (scores.precision, scores.recall, scores.f1) == (
        pytest.approx(0.6883, abs=5e-5),
        pytest.approx(0.8083, abs=5e-5),
        pytest.approx(0.7435, abs=5e-5),
    )


def test_published_examples_of_seqeval() -> None:
    """The README of seqeval 1.2.2: F1 0.50; and 1.00 in its default mode."""
    truth = ["O O O B-MISC I-MISC I-MISC O", "B-PER I-PER O"]
    predicted = ["O O B-MISC I-MISC I-MISC I-MISC O", "B-PER I-PER O"]
    found = span_counts([spans(t.split()) for t in truth], [spans(t.split()) for t in predicted])
    assert found.micro().f1 == 0.5
    assert found.macro().f1 == 0.5
    assert span_counts(
        [spans(["B-NP", "I-NP", "O"])], [spans(["I-NP", "I-NP", "O"])]
    ).micro() == Scores(1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("", []),
        ("O O", []),
        ("B-A B-A I-A", [Span("A", 0, 1), Span("A", 1, 3)]),
        ("I-A I-A O I-A", [Span("A", 0, 2), Span("A", 3, 4)]),  # IOB1
        ("B-A I-B", [Span("A", 0, 1), Span("B", 1, 2)]),
        ("B-A O I-A", [Span("A", 0, 1), Span("A", 2, 3)]),
        ("B-X-Y I-X-Y", [Span("X-Y", 0, 2)]),
    ],
)
def test_spans(tags: str, expected: list[Span]) -> None:
    assert spans(tags.split()) == expected


@given(TAGS)
def test_spans_cover_what_is_tagged_and_do_not_overlap(tags: list[str]) -> None:
    covered = [n for span in spans(tags) for n in range(span.start, span.end)]
    assert covered == [n for n, tag in enumerate(tags) if tag != "O"]


@given(TAGS)
def test_a_perfect_tagger_scores_one(tags: list[str]) -> None:
    found = span_counts([spans(tags)], [spans(tags)]).micro()
    assert found.f1 == (1.0 if spans(tags) else 0.0)


def test_one_end_wrong_is_a_miss_and_a_false_one() -> None:
    found = span_counts([[Span("A", 0, 2), Span("B", 3, 4)]], [[Span("A", 0, 1), Span("B", 3, 4)]])
    assert [a.tolist() for a in vars(found).values()] == [[0, 1], [1, 0], [1, 0]]


def test_a_word_takes_the_tag_of_its_first_character() -> None:
    sentence = TaggedSentence(("U.N.", "\u200b", "agency"), (), "")
    tokens = [
        ("B-ORG", 0.9, 0, 1),
        ("O", 0.8, 1, 2),
        ("O", 0.7, 2, 4),
        ("ORG", 0.6, 6, 13),  # a token may hold the space before the word
    ]
    assert sentence.text[7:] == "agency"
    assert word_tags(sentence, tokens) == [("B-ORG", 0.9), ("O", 0.0), ("I-ORG", 0.6)]
