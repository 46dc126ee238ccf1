"""What is read of files: answers where they stand, tokens behind masks, batches of like length."""

from __future__ import annotations

import json
from pathlib import Path

import distil_data
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import DataError
from edge_distil_distil.data.masking import Masking
from edge_distil_distil.data.squad import squad_examples
from edge_distil_distil.data.texts import read_texts
from edge_distil_distil.training.order import ByLength


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    import tiny

    tiny.fast_tokenizer("bert").save_pretrained(tmp_path / "tokenizer")
    return Tokenizer(tmp_path / "tokenizer", 24, plain=True)


def test_a_label_is_where_the_answer_stands(tokenizer: Tokenizer, tmp_path: Path) -> None:
    file = distil_data.squad(tmp_path / "train.json")
    examples = squad_examples([file], tokenizer)
    whole = [q for p in json.loads(file.read_text())["data"][0]["paragraphs"] for q in p["qas"]]
    found = 0
    for row, start, end in zip(
        examples.rows, examples.row_targets["starts"], examples.row_targets["ends"], strict=True
    ):
        if start:
            found += 1
            answer = tokenizer.decode(row.ids[start : end + 1].tolist())
            assert answer in {q["answers"][0]["text"].lower().replace("é", "e") for q in whole}
    assert found >= len(whole)
    assert len(examples.rows) > len(whole)  # windows
    document = json.loads(file.read_text())
    document["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = 1
    file.write_text(json.dumps(document))
    with pytest.raises(DataError, match="is not at character 1"):
        squad_examples([file], tokenizer)


def test_masks_are_the_published_shares_and_others_in_each_pass() -> None:
    masking = Masking(103, 30000, frozenset({101, 102}), seed=3)
    ids = np.concatenate([[101], np.arange(1000, 21000), [102]]).astype(np.int32)
    seen, labels = masking(ids, 0, 0)
    chosen = labels != -100
    assert not chosen[[0, -1]].any()
    assert (labels[chosen] == ids[chosen]).all()
    assert (seen[~chosen] == ids[~chosen]).all()
    assert chosen.mean() == pytest.approx(0.15, abs=0.01)
    assert (seen[chosen] == 103).mean() == pytest.approx(0.8, abs=0.03)
    assert (seen[chosen] == ids[chosen]).mean() == pytest.approx(0.1, abs=0.03)
    again = [masking(ids, epoch, row)[1] for epoch, row in ((0, 0), (1, 0), (0, 1))]
    assert [(other == labels).all() for other in again] == [True, False, False]


def test_every_row_comes_once_and_near_rows_of_its_length() -> None:
    lengths = np.random.default_rng(0).integers(5, 300, 1003).tolist()
    order = ByLength(lengths, 8, seed=1)
    first = list(order)
    assert sorted(first) == list(range(1003))
    batches = [[lengths[i] for i in first[at : at + 8]] for at in range(0, 1003, 8)]
    padded = sum(len(batch) * max(batch) for batch in batches)
    assert padded < 1.1 * sum(lengths)
    assert list(order) == first
    order.epoch = 1
    assert list(order) != first


def test_texts_of_every_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ntwo\none\n")
    (tmp_path / "b.jsonl").write_text('{"text": "three"}\n')
    (tmp_path / "c.csv").write_text("four,five,1.0\nsix,four,2.0\n")
    parquet.write_table(pyarrow.table({"text": ["seven", None]}), tmp_path / "d.parquet")
    distil_data.squad(tmp_path / "e.json", 1)
    names = ("a.txt", "b.jsonl", "c.csv", "d.parquet")
    found = read_texts(tmp_path / name for name in names)
    assert found == ["one", "two", "three", "four", "five", "six", "seven"]
    assert read_texts([tmp_path / "e.json"])[1] == "who lives 0"
    parquet.write_table(pyarrow.table({"body": ["x"]}), tmp_path / "f.parquet")
    with pytest.raises(DataError, match="has the columns body, expected text"):
        read_texts([tmp_path / "f.parquet"])
