"""Answers: of equal texts the best place; scores that are probabilities; one span, one count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import edge_distil as ed
from edge_distil.session import Floats, Tokens

ROUNDING = 1e-5
FILLER = "the ship sat on the sea and Ada was in Bern . " * 60


@dataclass(frozen=True)
class Liking:
    """A model that likes one word as an answer, the more so behind another one.

    Attributes:
        word: The token id that it likes.
        behind: Logit of the word behind each token id; elsewhere 4.
    """

    word: int
    behind: Mapping[int, float]
    inputs: tuple[str, ...] = ("input_ids", "attention_mask")
    outputs: tuple[str, ...] = ("start_logits", "end_logits")

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        ids = feeds["input_ids"]
        before = np.pad(ids, ((0, 0), (1, 0)))[:, :-1]
        logits: NDArray[np.float32] = np.where(ids == self.word, 4, -4).astype(np.float32)
        for token, logit in self.behind.items():
            logits[(ids == self.word) & (before == token)] = logit
        return dict.fromkeys(self.outputs, logits)


@pytest.fixture(scope="module")
def qa(tiny: Path) -> ed.QuestionAnswering:
    return ed.QuestionAnswering.load(tiny / "question_answering")


def liking(qa: ed.QuestionAnswering, word: str, **behind: float) -> ed.QuestionAnswering:
    ids = {name: qa.encoder.tokenizer.token_id(name) for name in (word, *behind)}
    logits = {ids[name]: logit for name, logit in behind.items()}
    session = Liking(ids[word], logits)  # type: ignore[arg-type]
    return ed.QuestionAnswering(replace(qa.encoder, session=session))


@pytest.mark.parametrize("order", ["better last", "better first"])
def test_equal_texts_keep_the_best_place_and_its_spelling(
    order: str, qa: ed.QuestionAnswering
) -> None:
    worse, better = "works for london . ", "lives in LONDON . "
    parts = [worse, FILLER, better] if order == "better last" else [better, FILLER, worse]
    context = "".join(parts)
    task = liking(qa, "london", **{"in": 9.0, "for": 5.0})
    [answers] = task.batch([("where", context)], top_k=5)
    assert answers[0].text == "LONDON"
    assert answers[0].start == context.index("LONDON")
    assert [a.text.lower() for a in answers].count("london") == 1
    assert 0.5 < answers[0].score <= 1


def test_within_a_window_too(qa: ed.QuestionAnswering) -> None:
    context = "Ada works for london . The cat lives in London . "
    task = liking(qa, "london", **{"in": 9.0, "for": 8.5})
    answer = task("where", context)
    assert (answer.text, answer.start) == ("London", context.index("London"))
    surer = 1 / (1 + np.exp(-0.5))  # of the two places, for each end
    assert answer.score == pytest.approx(surer**2 + (1 - surer) ** 2, abs=0.01)


def test_a_span_that_two_windows_see_counts_once(qa: ed.QuestionAnswering) -> None:
    """Every window but those at the ends repeats half of its neighbours."""
    context = FILLER[:300] + "Ada lives in London . " + FILLER[:300]
    task = liking(qa, "london", **{"in": 3.0})
    tokens = {"max_seq_len": 48, "doc_stride": 24}
    windows = qa.encoder.tokenizer.pair_windows(
        "where", context, max_length=48, stride=24, max_first=64
    )
    london = qa.encoder.tokenizer.token_id("london")
    assert sum(london in window.ids for window in windows) > 1
    several = task("where", context, **tokens)  # type: ignore[arg-type]
    once = task("where", context[250:400], **tokens)  # type: ignore[arg-type]
    assert several.text == once.text == "London"
    assert several.score == pytest.approx(once.score, rel=0.1)


@pytest.mark.parametrize("times", [1, 20, 300])
@pytest.mark.parametrize("align", [True, False])
def test_scores_are_probabilities(times: int, align: bool, qa: ed.QuestionAnswering) -> None:
    """However often a context is repeated; the pipeline's sums reach 28 here."""
    context = "The keeper lives in London. Ada was in Paris, at the river. " * times
    [answers] = qa.batch(
        [("Who lives in London?", context)], top_k=60, align_to_words=align, max_answer_len=30
    )
    scores = [answer.score for answer in answers]
    assert len(scores) > 5
    assert min(scores) >= 0
    assert max(scores) <= 1
    assert scores == sorted(scores, reverse=True)
    if times == 1:  # one window: different texts are different events
        assert sum(scores) <= 1 + ROUNDING


def test_what_is_forgotten_in_a_long_context_was_not_among_the_best(
    qa: ed.QuestionAnswering, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_distil.tasks import answers

    pairs = [("Who lives in London?", f"{i} {FILLER} in Paris {i}") for i in range(3)]
    whole = [qa.batch(pairs, top_k=k) for k in (1, 3, 10)]
    monkeypatch.setattr(answers, "_ANSWERS_KEPT", 0)
    assert [qa.batch(pairs, top_k=k) for k in (1, 3, 10)] == whole


def test_the_best_answer_leads_whatever_the_number(qa: ed.QuestionAnswering) -> None:
    pair = ("Who lives in London?", FILLER)
    many = qa.batch([pair], top_k=40)[0]
    assert qa.batch([pair], top_k=40)[0] == many
    assert [a.score for a in many] == sorted((a.score for a in many), reverse=True)
    assert all(FILLER[a.start : a.end] == a.text == a.text.strip() for a in many)
