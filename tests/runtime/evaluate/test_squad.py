"""The official scorers' rules, by hand and by the figures that are published for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_distil.errors import InputError
from edge_distil.evaluate.squad import SquadExample, SquadSet, exact_match, f1, normalize, score

TEXTS = st.text(alphabet="abt he.,–’ ", max_size=12)


def squad(*answers: tuple[str, ...], version: str = "1.1") -> SquadSet:
    """A set of questions "0", "1", ... that have the given answers."""
    examples = (SquadExample(str(i), "Who?", "Text.", a) for i, a in enumerate(answers))
    return SquadSet(version, tuple(examples))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Cat", "cat"),
        ("a an the", ""),
        ("Theatre another Ana", "theatre another ana"),  # an article inside a word stays
        ("a.n. other", "other"),  # punctuation goes first, and leaves an article
        ("the-a", "thea"),
        ("O'Neil's $5,000.00!", "oneils 500000"),
        ("“quoted” – naïve’s", "“quoted” – naïve’s"),  # not in string.punctuation
        ("“the end”", "“ end”"),  # an article after a quotation mark that stays
        ("tab\tnew\nline\u00a0no-break", "tab new line nobreak"),
        ("İ ẞ", "i\u0307 ß"),  # str.lower, no more
        ("", ""),
        ("...", ""),
    ],
)
def test_normalize(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("prediction", "answer", "expected"),
    [
        ("the cat", "cat", 1.0),
        ("black cat", "cat", 2 / 3),
        ("cat cat", "cat", 2 / 3),  # one of two predicted tokens counts
        ("cat cat", "cat cat dog", 4 / 5),
        ("dog", "cat", 0.0),
        ("", "cat", 0.0),
        ("cat", "", 0.0),
        ("Beyonce", "Beyoncé", 0.0),
    ],
)
def test_f1_counts_tokens(prediction: str, answer: str, expected: float) -> None:
    assert f1(prediction, answer) == pytest.approx(expected)
    assert f1(prediction, answer, version="1.1") == pytest.approx(expected)


@pytest.mark.parametrize(("version", "expected"), [("1.1", 0.0), ("2.0", 1.0)])
def test_two_texts_without_tokens_differ_by_version(version: str, expected: float) -> None:
    assert f1("The", "an", version) == expected
    assert exact_match("The", "an") == 1.0


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_published_examples_of_the_hub_metric_cards(version: str) -> None:
    golds = squad(("1976",), ("Beyoncé and Bruno Mars",), ("climate change",), version=version)
    result = score({"0": "1976", "1": "Beyonce", "2": "climate change"}, golds)
    assert result.exact == pytest.approx(66.66666666666667)
    assert result.f1 == pytest.approx(66.66666666666667)
    assert (result.total, result.has_answer_total, result.no_answer_total) == (3, 3, 0)
    assert (result.no_answer_exact, result.best_f1) == (None, None)


def test_the_best_of_the_answers_counts_for_each_measure_alone() -> None:
    result = score({"0": "in the year 1976"}, squad(("1976", "year 1976 at noon", "in 1976")))
    assert result.exact == 0.0
    assert result.f1 == pytest.approx(100 * 4 / 5)  # in, 1976 of three and of two


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_a_missing_prediction_scores_zero(version: str) -> None:
    assert score({"0": "cat"}, squad(("cat",), ("dog",), version=version)).exact == 50.0


def test_version_2_leaves_out_answers_that_normalise_to_nothing() -> None:
    assert score({"0": "The"}, squad(("a",))).exact == 100.0
    assert score({"0": "The"}, squad(("a",))).f1 == 0.0
    both = squad(("a", "cat"), version="2.0")
    assert score({"0": "The"}, both).exact == 0.0
    none_left = score({"0": ""}, squad(("a",), version="2.0"))
    assert (none_left.exact, none_left.f1, none_left.has_answer_total) == (100.0, 100.0, 1)


def test_no_answer_is_the_empty_text_only() -> None:
    golds = squad((), (), ("cat",), ("dog",), version="2.0")
    result = score({"0": "", "1": "cat", "2": "", "3": "the dog"}, golds)
    assert result.exact == 50.0
    assert (result.has_answer_exact, result.no_answer_exact) == (50.0, 50.0)
    assert (result.has_answer_total, result.no_answer_total) == (2, 2)


def test_best_threshold() -> None:
    """From 1 right (all refused): +1 at 0.1, +0 or +2/3 at 0.3, then -1 at 0.8 and +0 at 0.9."""
    golds = squad(("cat",), ("dog",), ("red fox",), (), version="2.0")
    predictions = {"0": "cat", "1": "cow", "2": "fox", "3": "hen"}
    na_scores = {"0": 0.1, "1": 0.9, "2": 0.3, "3": 0.8}
    result = score(predictions, golds, na_scores)
    assert (result.exact, result.best_exact, result.best_exact_threshold) == (25.0, 50.0, 0.1)
    assert result.best_f1 == pytest.approx(100 * (1 + 2 / 3 + 1) / 4)
    assert result.best_f1_threshold == 0.3


def test_scores_need_questions_and_a_no_answer_score_for_each() -> None:
    with pytest.raises(InputError, match="no questions"):
        score({}, squad())
    with pytest.raises(InputError, match="lacks 1 of 2 questions"):
        score({}, squad(("a",), ("b",)), {"0": 0.5, "other": 1.0})


@given(TEXTS, TEXTS, st.sampled_from(["1.1", "2.0"]))
def test_f1_is_symmetric_and_bounded(a: str, b: str, version: str) -> None:
    assert f1(a, b, version) == f1(b, a, version)
    assert 0.0 <= f1(a, b, version) <= 1.0
    assert f1(a, b) >= exact_match(a, b)


@given(TEXTS)
def test_normalize_leaves_no_space_to_strip_and_no_capitals(text: str) -> None:
    assert normalize(text) == " ".join(normalize(text).split()).lower()


@given(st.permutations(["red", "green", "blue", "blue"]))
def test_f1_ignores_the_order_of_tokens(words: list[str]) -> None:
    assert f1(" ".join(words), "red green blue blue") == 1.0


@given(st.lists(st.tuples(TEXTS, st.lists(TEXTS, min_size=1, max_size=3)), min_size=1), st.data())
def test_the_order_of_questions_plays_no_part(
    cases: list[tuple[str, list[str]]], data: st.DataObject
) -> None:
    golds = squad(*(tuple(answers) for _, answers in cases))
    predictions = {str(i): text for i, (text, _) in enumerate(cases)}
    mixed = SquadSet("1.1", tuple(data.draw(st.permutations(golds.examples))))
    a, b = score(predictions, golds), score(predictions, mixed)
    assert (a.exact, a.f1) == (pytest.approx(b.exact), pytest.approx(b.f1))
