"""Token ids and windows against two other implementations of BERT's preprocessing."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tf_examples import read_examples
from tokenizers import Encoding

from edge_distil._tokenizing.tokenizer import Tokenizer

WINDOW, STEP, LONGEST_QUESTION = 384, 128, 64  # tokens, as MLPerf's features were made
SPECIAL = 3  # [CLS] question [SEP] context [SEP]


@pytest.fixture(scope="module")
def tokenizer(embedded_checkpoint: Path) -> Tokenizer:
    return Tokenizer(embedded_checkpoint, max_length=512)


def test_ids_of_all_questions(tokenizer: Tokenizer, embedded_checkpoint: Path, data: Path) -> None:
    from transformers import AutoTokenizer

    words = json.loads((data / "tokens/question_tokens.json").read_text("utf-8"))
    expected = json.loads((data / "tokens/tokenized_questions.json").read_text("utf-8"))
    questions = [row["original"] for row in words]
    assert len(questions) == 10_570
    found = [encoding.ids for encoding in tokenizer.encode(questions)]
    assert [ids[1:-1] for ids in found] == expected
    assert found == AutoTokenizer.from_pretrained(embedded_checkpoint)(questions)["input_ids"]


def test_windows_equal_mlperf_s_features(tokenizer: Tokenizer, data: Path) -> None:
    features = defaultdict(list)
    for feature in read_examples(data / "mlperf_mobile/squad_eval.tfrecord"):
        features[feature["qas_id"][0].decode()].append(feature)
    compared = 0
    for name in ("train", "dev"):
        for question, context, key in read_squad(data / f"squad/{name}.json"):
            windows = mlperf_windows(tokenizer, question, context)
            assert len(windows) == len(features[key])
            for window, feature in zip(windows, features[key], strict=True):
                length = sum(feature["input_mask"])
                assert window.ids == feature["input_ids"][:length]
                assert window.type_ids == feature["segment_ids"][:length]
                assert words_of(window, context) == feature["token_to_orig_map"]
                compared += 1
    assert compared == 9_904  # of the 9,646 questions in these two files


def mlperf_windows(tokenizer: Tokenizer, question: str, context: str) -> list[Encoding]:
    """Original BERT steps by 128 tokens; here the overlap is given, so it follows the question."""
    asked = min(len(tokenizer.encode([question])[0]) - 2, LONGEST_QUESTION)
    return tokenizer.pair_windows(
        question,
        context,
        max_length=WINDOW,
        stride=WINDOW - SPECIAL - asked - STEP,
        max_first=LONGEST_QUESTION,
    )


def words_of(window: Encoding, context: str) -> list[int]:
    """The number of the space-separated word in which each context token stands."""
    starts = [
        offset for offset, sequence in zip(window.offsets, window.sequence_ids, strict=True)
        if sequence == 1
    ]  # fmt: skip
    return [len(context[:start].split()) - (not context[start - 1 : start].isspace() and start > 0)
            for start, _ in starts]  # fmt: skip


def read_squad(path: Path) -> list[tuple[str, str, str]]:
    articles: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["data"]
    return [
        (qa["question"], paragraph["context"], qa["id"])
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
