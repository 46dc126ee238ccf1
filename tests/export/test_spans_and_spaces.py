"""Spans neither begin nor end with a space, whatever offsets a tokenizer gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

import edge_distil as ed
from edge_distil.bundle import Bundle

TEXT = "Paris is the capital of France;  Ada Lovelace\tlived in London, and the dog sleeps on.\n"
NUMBERS = 1e-5


@pytest.mark.parametrize("align", [True, False])
def test_answers(align: bool, exported: Callable[..., Bundle]) -> None:
    """The byte-level tokenizer's offsets hold the space before a word."""
    task = ed.QuestionAnswering.load(exported("roberta", "question-answering").path)
    [window] = task.encoder.tokenizer.pair_windows(
        "Who?", TEXT, max_length=64, stride=8, max_first=16
    )
    assert any(TEXT[slice(*place)].startswith(" ") for place in window.offsets)
    [answers] = task.batch(
        [("Who lived in London?", TEXT)], top_k=300, align_to_words=align, max_answer_len=5
    )
    assert len(answers) > 50
    for answer in answers:
        assert answer.text == answer.text.strip() != ""
        assert TEXT[answer.start : answer.end] == answer.text
    assert len({(a.start, a.end) for a in answers}) == len(answers)
    assert sum(a.score for a in answers) <= 1 + NUMBERS


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_entities(
    strategy: Any, exported: Callable[..., Bundle], checkpoint: Callable[..., Path]
) -> None:
    task = ed.TokenClassification.load(exported("roberta", "token-classification").path)
    found = task(TEXT, aggregation_strategy=strategy, ignore_labels=())
    original = AutoTokenizer.from_pretrained(checkpoint("roberta", "token-classification"))
    encoded = original(TEXT, return_offsets_mapping=True, add_special_tokens=False)
    tokens = [TEXT[start:end] for start, end in encoded["offset_mapping"]]
    printed = [token for token in tokens if token.strip()]
    assert len(found) == len(printed) if strategy == "none" else 0 < len(found) <= len(printed)
    for entity in found:
        assert entity.text == entity.text.strip() != ""
        assert TEXT[entity.start : entity.end] == entity.text
    covered = "".join(TEXT[e.start : e.end] for e in found)
    assert "".join(covered.split()) == "".join(TEXT.split())  # nothing but space is left out
