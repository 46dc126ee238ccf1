"""Each task object against transformers' pipeline, or sentence-transformers, on one checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_distil as ed
from edge_distil._tokenizing.rows import collate
from edge_distil.errors import InputError, TaskError
from edge_distil.precision import quantize_embeddings

Truth = Callable[[str], dict[str, Any]]

# fp32 sums in another order: 30 layers deep models differ by about 1e-6, these by less.
SCORE = 1e-5
VECTOR = 1e-5
# Eight bits, in models of two layers that average little: what an untrained one loses.
INT8_COSINE = 0.999
INT8_SCORE = 0.05


def as_labels(expected: list[dict[str, Any]]) -> list[ed.Label]:
    return [ed.Label(e["label"], pytest.approx(e["score"], abs=SCORE)) for e in expected]


@pytest.mark.parametrize("name", ["text_classification", "multi_label"])
def test_text_classification_equals_the_pipeline(name: str, tiny: Path, truth: Truth) -> None:
    expected = truth(name)
    task = ed.TextClassification.load(tiny / name)
    for got, want in zip(
        task.batch(expected["texts"], top_k=None), expected["labels"], strict=True
    ):
        assert got == as_labels(want)
    for (first, second), want in zip(expected["pairs"], expected["pair_labels"], strict=True):
        assert task(first, second, top_k=None) == as_labels(want)


def test_text_classification_top_k(tiny: Path, truth: Truth) -> None:
    task = ed.TextClassification.load(tiny / "text_classification")
    best = truth("text_classification")["labels"][1][0]
    assert task("a charming film") == as_labels([best])
    with pytest.raises(InputError, match="top_k is 0"):
        task("a charming film", top_k=0)


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_token_classification_equals_the_pipeline(strategy: Any, tiny: Path, truth: Truth) -> None:
    expected = truth("token_classification")
    task = ed.TokenClassification.load(tiny / "token_classification")
    found = task.batch(expected["texts"], aggregation_strategy=strategy)
    for text, got, want in zip(
        expected["texts"], found, expected["entities"][strategy], strict=True
    ):
        assert [(e.label, e.start, e.end) for e in got] == [
            (w.get("entity_group", w.get("entity")), w["start"], w["end"]) for w in want
        ]
        assert [e.score for e in got] == pytest.approx([w["score"] for w in want], abs=SCORE)
        assert all(e.text == text[e.start : e.end] for e in got)


def test_token_classification_reads_texts_longer_than_the_model(tiny: Path) -> None:
    task = ed.TokenClassification.load(tiny / "token_classification")
    text = " ".join(["Ada lives in London ."] * 60)
    entities = task(text, aggregation_strategy="none", ignore_labels=())
    words = [(i, i + len(w)) for w, i in _words(text)]
    assert [(e.start, e.end) for e in entities] == words  # every token once, in order


def _words(text: str) -> list[tuple[str, int]]:
    position, found = 0, []
    for word in text.split(" "):
        found.append((word, position))
        position += len(word) + 1
    return found


def test_fill_mask_equals_the_pipeline(tiny: Path, truth: Truth) -> None:
    expected = truth("fill_mask")
    task = ed.FillMask.load(tiny / "fill_mask")
    targets = expected["targets"]
    for text, best, chosen in zip(
        expected["texts"], expected["candidates"], expected["target_candidates"], strict=True
    ):
        for got, want in ((task(text), best), (task(text, targets=targets), chosen)):
            assert [c.token for c in got] == [w["token_str"] for w in want]
            assert [c.score for c in got] == pytest.approx([w["score"] for w in want], abs=SCORE)


def test_fill_mask_text_keeps_the_source(tiny: Path) -> None:
    task = ed.FillMask.load(tiny / "fill_mask")
    [candidate] = task("ADA [MASK] in  London", targets=["lives"])
    assert candidate.text == "ADA lives in  London"


def test_fill_mask_wants_one_mask(tiny: Path) -> None:
    task = ed.FillMask.load(tiny / "fill_mask")
    with pytest.raises(InputError, match=r"no mask .* put \[MASK\]"):
        task("no mask here")
    with pytest.raises(InputError, match="2 masks"):
        task("[MASK] and [MASK]")
    assert [len(row) for row in task.each_mask("[MASK] and [MASK]", top_k=3)] == [3, 3]
    with pytest.raises(InputError, match="'nonsenseword'"):
        task("the [MASK]", targets=["cat", "nonsenseword"])


def test_embedding_equals_sentence_transformers(tiny: Path, truth: Truth) -> None:
    expected = truth("embedding")
    task = ed.Embedding.load(tiny / "embedding")
    texts = expected["texts"]
    np.testing.assert_allclose(task.encode(texts), expected["vectors"], atol=VECTOR)
    queries = task.encode(texts, prompt_name="query")
    np.testing.assert_allclose(queries, expected["query_vectors"], atol=VECTOR)
    truncated = task.encode(texts, truncate_dim=6, normalize_embeddings=True)
    np.testing.assert_allclose(truncated, expected["truncated"], atol=VECTOR)


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_precisions_equal_sentence_transformers(precision: Any, truth: Truth) -> None:
    expected = truth("embedding")
    vectors = np.array(expected["vectors"], np.float32)
    ranges = np.array(expected["ranges"], np.float32)
    got = quantize_embeddings(vectors, precision, ranges)
    assert got.tolist() == expected["quantized"][precision]


def test_embedding_shapes_and_order(tiny: Path, truth: Truth) -> None:
    task = ed.Embedding.load(tiny / "embedding")
    texts = truth("embedding")["texts"]
    together = task.encode(texts)
    assert task.encode(texts[0]).shape == (16,)
    assert task.encode([]).shape == (0, 16)
    assert task.encode(iter(texts)).tolist() == together.tolist()
    alone = np.stack([task.encode(text) for text in texts])
    np.testing.assert_allclose(together, alone, atol=VECTOR)
    states = task.hidden_states(texts)
    assert states[5].shape == (3, 16)  # [CLS] storm [SEP]


def test_embedding_names_what_is_wrong(tiny: Path) -> None:
    task = ed.Embedding.load(tiny / "embedding")
    with pytest.raises(InputError, match="no prompt 'passage', only document, query"):
        task.encode("x", prompt_name="passage")
    with pytest.raises(InputError, match="precision is 'float8'"):
        task.encode("x", precision="float8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="text 1 is an int"):
        task.encode(["x", 3])  # type: ignore[list-item]


def test_question_answering_logits_equal_transformers(tiny: Path, truth: Truth) -> None:
    expected = truth("question_answering")
    task = ed.QuestionAnswering.load(tiny / "question_answering")
    encodings = task.encoder.tokenizer.encode([tuple(pair) for pair in expected["pairs"]])
    feeds = collate(encodings, task.encoder.tokenizer.pad_id)
    for name, array in feeds.items():
        assert array.tolist() == expected[name]
    attended = feeds["attention_mask"] == 1
    for name, logits in task.encoder.session.run(feeds).items():
        np.testing.assert_allclose(
            logits[attended], np.array(expected[name])[attended], atol=VECTOR
        )


def test_a_bundle_is_not_opened_as_another_task(tiny: Path) -> None:
    with pytest.raises(TaskError, match="is a fill-mask bundle, expected question-answering"):
        ed.QuestionAnswering.load(tiny / "fill_mask")


def test_int8_vectors_are_near_sentence_transformers(tiny: Path, truth: Truth) -> None:
    expected = truth("embedding")
    task = ed.Embedding.load(tiny / "embedding", variant="int8")
    assert task.variant == "int8"
    assert _least_cosine(task.encode(expected["texts"]), expected["vectors"]) > INT8_COSINE


def test_int8_fills_masks_as_transformers_does(tiny: Path, truth: Truth) -> None:
    expected = truth("fill_mask")
    task = ed.FillMask.load(tiny / "fill_mask", variant="int8")
    assert task.variant == "int8"
    for text, candidates in zip(expected["texts"], expected["candidates"], strict=True):
        best, wanted = task(text)[0], candidates[0]
        assert best.token == wanted["token_str"]
        assert best.score == pytest.approx(wanted["score"], abs=INT8_SCORE)


def test_int8_logits_of_answers_are_near_transformers(tiny: Path, truth: Truth) -> None:
    expected = {name: np.array(value) for name, value in truth("question_answering").items()
                if name not in ("pairs", "versions")}  # fmt: skip
    task = ed.QuestionAnswering.load(tiny / "question_answering", variant="int8")
    assert task.variant == "int8"
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    found = task.encoder.session.run({name: expected[name] for name in inputs})
    attended = expected["attention_mask"] == 1
    for name in ("start_logits", "end_logits"):
        got, wanted = found[name][attended], expected[name][attended]
        assert _least_cosine(got[None], wanted[None]) > INT8_COSINE


def _least_cosine(got: Any, wanted: Any) -> float:
    a, b = np.asarray(got), np.asarray(wanted)
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())
