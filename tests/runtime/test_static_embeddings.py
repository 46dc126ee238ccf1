"""Static embeddings on the device: model2vec's numbers without model2vec, or torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_distil as ed
from edge_distil._tokenizing.rows import Bag, Row, collate

NAME = "static_embedding"
TOLERANCE = 1e-5


@pytest.fixture(params=["fp32", "int8"])
def task(request: pytest.FixtureRequest, tiny: Path) -> ed.Embedding:
    return ed.Embedding.load(tiny / NAME, variant=request.param)


def test_texts_have_model2vecs_vectors(tiny: Path, truth: Callable[[str], Any]) -> None:
    task, known = ed.Embedding.load(tiny / NAME), truth(NAME)
    found, expected = task.encode(known["texts"]), np.array(known["vectors"])
    assert np.abs(found - expected).max() <= TOLERANCE
    alone = np.stack([task.encode(text) for text in known["texts"]])
    assert alone.tobytes() == found.tobytes()


def test_int8_stays_near(tiny: Path, truth: Callable[[str], Any]) -> None:
    task, known = ed.Embedding.load(tiny / NAME, variant="int8"), truth(NAME)
    cosines = (task.encode(known["texts"]) * np.array(known["vectors"])).sum(axis=1)
    some = np.abs(known["vectors"]).any(axis=1)
    assert cosines[some].min() > 0.9999


@pytest.mark.parametrize("text", ["", " \n ", "🙂", "🙂 🙂"])
def test_a_text_without_a_known_token_is_zeros(text: str, task: ed.Embedding) -> None:
    assert not task.encode(text).any()
    assert not task.encode(["a ship", text, text, "a light"])[1:3].any()
    assert next(iter(task.stream([text]))).shape == (1, 128)


def test_a_text_is_cut_by_characters_first(tiny: Path, tiny_copy: Callable[[str], Path]) -> None:
    folder = tiny_copy(NAME)
    config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    most = config["max_characters"]
    text = "🙂 the ship sat on the sea " * 1000
    assert len(text) > most
    task = ed.Embedding.load(tiny / NAME)
    assert np.array_equal(task.encode(text), task.encode(text[:most]))
    [cut] = task.encoder.tokenizer.encode([text])
    assert cut.ids == task.encoder.tokenizer.encode_one(text).ids
    assert len(cut) < task.bundle.manifest.max_length


def test_counts_weigh_as_tokens_do(task: ed.Embedding) -> None:
    """The mask of a bag holds numbers: the graph takes the same mean of them."""
    encoding = task.encoder.tokenizer.encode(["the ship and the sea and the 🙂 old lamp"])[0]
    row = Row.of(encoding)
    bag = Bag.counted(row)
    assert len(bag) < len(row) == bag.counts.sum()
    pad = task.encoder.tokenizer.pad_id
    counted, whole = (
        task.encoder.outputs(collate([one], pad), ("sentence_embedding",))["sentence_embedding"]
        for one in (bag, row)
    )
    assert np.abs(counted - whole).max() <= TOLERANCE


def test_a_row_without_tokens_is_padding() -> None:
    empty, one = (Row(np.array(ids, np.int32), np.zeros(len(ids), np.int32)) for ids in ([], [7]))
    for rows, ids, mask in (([empty], [[3]], [[0]]), ([empty, one], [[3], [7]], [[0], [1]])):
        feeds = collate(rows, 3)
        assert feeds["input_ids"].tolist() == ids
        assert feeds["attention_mask"].tolist() == mask
