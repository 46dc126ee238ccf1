"""Windows over texts of any length: those of the whole text's tokens, in bounded memory."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers_of_every_kind import KINDS, hard_texts, prose, save

import edge_distil as ed
from edge_distil._tokenizing import stretches, windows
from edge_distil._tokenizing.tokenizer import Tokenizer

pytestmark = pytest.mark.wide

SIZE = 1 << 12  # of a stretch: small, so that a text has many
NAMES = ("ids", "type_ids", "offsets", "special_tokens_mask")


@pytest.fixture(autouse=True)
def _small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "STRETCH", SIZE)
    monkeypatch.setattr(stretches.stretches, "__defaults__", (SIZE,))
    monkeypatch.setattr(stretches, "_OVERLAPS", 4)
    monkeypatch.setattr(windows, "LONG", SIZE)


def same(ours: list[Any], theirs: list[Any], number: int) -> None:
    """Every window has the library's tokens, and its words in the same places."""
    assert len(ours) == len(theirs)
    for got, expected in zip(ours, theirs, strict=True):
        for name in NAMES:
            assert getattr(got, name) == getattr(expected, name), name
        assert len(got) == len(expected)
        # The library numbers the first text's tokens in some windows of a pair, and not in others.
        assert [s == 1 for s in got.sequence_ids] == [s == 1 for s in expected.sequence_ids]
        assert places(got, number) == places(expected, number)


def places(window: Any, number: int) -> list[Any]:
    """Where each token's word stands, and whether a word goes on."""
    words = window.word_ids
    return [
        (window.word_to_chars(words[i], number), i > 0 and words[i] == words[i - 1])
        for i, sequence in enumerate(window.sequence_ids)
        if sequence == number and words[i] is not None
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_windows_are_those_of_the_whole(kind: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer(save(kind, tmp_path), 64)
    draw = random.Random(kind)
    texts = hard_texts(draw, 2 * SIZE) | {"longer": prose(draw, 20 * SIZE + 11)}
    for text in texts.values():
        same(list(windows.of_text(tokenizer, text, 15)), tokenizer.windows(text, 15), 0)
        options = {"max_length": 48, "stride": 16, "max_first": 12}
        ours = windows.of_pair(tokenizer, "Who is it?", text, **options)
        same(list(ours), tokenizer.pair_windows("Who is it?", text, **options), 1)
        known = windows.tokens_of(tokenizer, text)  # whatever is asked
        for question in ("Who is it?", "Où est le café, and when?", "x"):
            ours = windows.of_pair(tokenizer, question, text, tokens=known, **options)
            same(list(ours), tokenizer.pair_windows(question, text, **options), 1)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"without_words"}))
def test_a_stretch_is_all_that_is_tokenized_at_a_time(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = Tokenizer(save(kind, tmp_path), 64)
    text, seen = prose(random.Random(3), 40 * SIZE), []
    whole = tokenizer.whole
    monkeypatch.setattr(tokenizer, "whole", lambda part: seen.append(len(part)) or whole(part))
    assert sum(1 for _ in windows.of_text(tokenizer, text, 15)) > 100
    assert max(seen) <= 2 * SIZE
    assert sum(seen) < 1.5 * len(text)


def test_answers_are_those_of_the_whole(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qa = ed.QuestionAnswering.load(tiny / "question_answering")
    text = "The keeper lives in London. Ada was in Paris, at the river. " * (4 * SIZE // 60)
    options = {"top_k": 5, "handle_impossible_answer": True}
    got = qa.batch([("Who lives in London?", text)], **options)
    monkeypatch.setattr(windows, "LONG", 1 << 30)
    [expected] = qa.batch([("Who lives in London?", text)], **options)
    assert got == [expected]


@pytest.mark.parametrize("strategy", ["none", "simple", "average"])
def test_entities_are_those_of_the_whole(
    strategy: Any, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ner = ed.TokenClassification.load(tiny / "token_classification")
    text = "The keeper lives in London. Ada was in Paris, at the river. " * (4 * SIZE // 60)
    got = ner(text, aggregation_strategy=strategy)
    monkeypatch.setattr(windows, "LONG", 1 << 30)
    expected = ner(text, aggregation_strategy=strategy)
    assert [e[:1] + e[2:] for e in got] == [e[:1] + e[2:] for e in expected]
    np.testing.assert_allclose([e.score for e in got], [e.score for e in expected], atol=1e-6)


def test_progress_goes_to_the_end(tiny: Path) -> None:
    text = "The keeper lives in London. Ada was in Paris, at the river. " * (3 * SIZE // 60)
    qa = ed.QuestionAnswering.load(tiny / "question_answering")
    ner = ed.TokenClassification.load(tiny / "token_classification")
    for call in (
        lambda tell: qa("Who lives in London?", text, show_progress=tell),
        lambda tell: ner(text, show_progress=tell),
    ):
        told: list[tuple[int, int | None]] = []
        call(lambda done, total, told=told: told.append((done, total)))
        assert len(told) > 10
        assert told == sorted(told)
        assert told[-1] == (len(text), len(text))
        assert {total for _, total in told} == {len(text)}


def test_a_tokenizer_that_cuts_left_reads_a_long_text_in_order(
    tiny: Path, tiny_copy: Callable[[str], Path]
) -> None:
    """Token classification cuts nothing; the side made its windows run from the end."""
    text = "The keeper lives in London. Ada was in Paris, at the river. " * 20
    expected = ed.TokenClassification.load(tiny / "token_classification")(text)
    bundle = tiny_copy("token_classification")
    file = bundle / "tokenizer_config.json"
    config = json.loads(file.read_text("utf-8")) | {"truncation_side": "left"}
    file.write_text(json.dumps(config), encoding="utf-8")
    (bundle / "edge_distil.json").unlink()
    assert ed.TokenClassification.load(bundle)(text) == expected
