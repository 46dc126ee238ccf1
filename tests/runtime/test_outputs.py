"""No number where there is none: what a model gives is checked before it is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

from damaged import damage, rename_output, replace_output, spoil_token
from onnx import TensorProto

import edge_distil as ed
from edge_distil.errors import OutputError, SessionError
from edge_distil.evaluate import evaluate

Copy = Callable[[str], Path]

# Task -> the output that it reads, and a call that reads the word "storm".
CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "question_answering": ("start_logits", lambda task: task("Who?", "Ada and the storm")),
    "text_classification": ("logits", lambda task: task("a storm")),
    "multi_label": ("logits", lambda task: task.batch(["a film", "a storm"])),
    "token_classification": ("logits", lambda task: task("a storm")),
    "fill_mask": ("logits", lambda task: task("a storm [MASK]")),
    "embedding": ("sentence_embedding", lambda task: task.encode("a storm")),
    "late_interaction": ("token_embeddings", lambda task: task.encode_query("a storm")),
    "sparse_embedding": ("sparse_embedding", lambda task: task.encode("a storm")),
}
MANIFEST_ALONE = ("late_interaction", "sparse_embedding")  # without it they are not opened
INT = np.array([0], np.int64)


@pytest.mark.parametrize(
    ("name", "manifest"),
    [(n, True) for n in CALLS] + [(n, False) for n in CALLS if n not in MANIFEST_ALONE],
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_number_is_an_error(name: str, value: float, manifest: bool, tiny_copy: Copy) -> None:
    bundle = spoil_token(tiny_copy(name), "storm", value)
    if not manifest:
        (bundle / "edge_distil.json").unlink()
    task = ed.load(bundle)
    with pytest.raises(OutputError, match=r"variant fp32 of .* NaN or infinite") as caught:
        pytest.fail(str(CALLS[name][1](task)))
    assert isinstance(caught.value, SessionError)
    assert isinstance(caught.value, ArithmeticError)


def test_other_texts_are_not_touched(tiny: Path, tiny_copy: Copy) -> None:
    """One text without a vector in a batch of many: named, and the others are what they were."""
    texts = ["a film", "Ada", "the storm", "a small boat", "a great storm", "a cat"]
    right = ed.Embedding.load(tiny / "embedding").encode(texts)
    task = ed.Embedding.load(spoil_token(tiny_copy("embedding"), "storm"))
    with pytest.raises(OutputError, match="vector of text 2"):
        task.encode(texts)
    [vectors] = task.stream(texts, keep_non_finite=True)
    bad = [2, 4]
    assert np.isnan(vectors[bad]).all()
    np.testing.assert_array_equal(np.delete(vectors, bad, 0), np.delete(right, bad, 0))
    with pytest.raises(OutputError, match="vector of text 1030"):
        task.encode(["a film"] * 1030 + ["the storm"])


@pytest.mark.parametrize(
    ("edit", "got"),
    [
        (lambda name: replace_output(name, "Cast", to=TensorProto.INT64), "int64"),
        (lambda name: replace_output(name, "Unsqueeze", [INT]), r"shape \(1, "),
        (lambda name: replace_output(name, "Concat", [], axis=0), None),
    ],
    ids=["type", "rank", "same"],
)
@pytest.mark.parametrize("name", sorted(CALLS))
def test_outputs_of_another_kind_are_an_error(
    name: str, edit: Any, got: str | None, tiny_copy: Copy
) -> None:
    output, call = CALLS[name]
    task = ed.load(damage(tiny_copy(name), edit(output)))
    if got is None:  # an operator that changes nothing: the harness itself is sound
        assert call(task) is not None
        return
    with pytest.raises(OutputError, match=rf"variant fp32 of .* gives {output} as .*{got}"):
        pytest.fail(str(call(task)))


@pytest.mark.parametrize("name", ["text_classification", "multi_label", "token_classification"])
@pytest.mark.parametrize("labels", [1, 2])
def test_fewer_logits_than_labels_are_an_error(name: str, labels: int, tiny_copy: Copy) -> None:
    last = np.array([-1], np.int64)
    cut = replace_output("logits", "Slice", [INT, np.array([labels], np.int64), last])
    bundle = tiny_copy(name)
    assert labels < len(ed.open_bundle(bundle).manifest.labels)
    with pytest.raises(OutputError, match="gives logits as"):
        pytest.fail(str(CALLS[name][1](ed.load(damage(bundle, cut)))))


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"multi_label"}))
def test_a_token_too_few_is_an_error(name: str, tiny_copy: Copy) -> None:
    """The second axis, of tokens, labels or dimensions, is one short."""
    cut = [np.array([n], np.int64) for n in (0, -1, 1)]
    output, call = CALLS[name]
    task = ed.load(damage(tiny_copy(name), replace_output(output, "Slice", cut)))
    with pytest.raises(OutputError, match=f"gives {output} as"):
        pytest.fail(str(call(task)))


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"embedding"}))
def test_an_output_that_is_not_there_is_an_error(name: str, tiny_copy: Copy) -> None:
    output, call = CALLS[name]
    task = ed.load(damage(tiny_copy(name), rename_output(output, "scores")))
    with pytest.raises(OutputError, match=f"has no output {output}, only .*scores"):
        pytest.fail(str(call(task)))


def test_token_vectors_without_numbers_are_an_error(tiny_copy: Copy) -> None:
    task = ed.Embedding.load(spoil_token(tiny_copy("embedding"), "storm"))
    assert len(task.hidden_states(["a film"])) == 1
    with pytest.raises(OutputError, match="NaN"):
        task.hidden_states(["a film", "a storm"])


def test_fewer_logits_than_tokens_are_an_error(tiny_copy: Copy) -> None:
    cut = [np.array([n], np.int64) for n in (0, 20, -1)]
    task = ed.FillMask.load(damage(tiny_copy("fill_mask"), replace_output("logits", "Slice", cut)))
    for targets in (None, ["storm"]):
        with pytest.raises(OutputError, match=r"variant fp32 of .* gives 20 logits for"):
            pytest.fail(str(task("a [MASK]", targets=targets)))


def test_a_target_without_a_logit_is_named(tiny_copy: Copy) -> None:
    """A token that was added to the tokenizer and not to the model."""
    bundle = tiny_copy("fill_mask")
    file = bundle / "tokenizer.json"
    document = json.loads(file.read_text("utf-8"))
    plain = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    number = len(document["model"]["vocab"])
    document["added_tokens"].append({"id": number, "content": "<new>", **plain})
    file.write_text(json.dumps(document), "utf-8")
    (bundle / "edge_distil.json").unlink()
    with pytest.raises(
        ed.errors.InputError, match=f"id {number}, but the model gives {number} log"
    ):
        ed.FillMask.load(bundle)("a [MASK]", targets=["<new>"])


def test_float16_outputs_become_float32(tiny: Path, tiny_copy: Copy) -> None:
    """The square of 300 is beyond float16: the norm was infinite, and the vector 0."""
    output = "sentence_embedding"

    def edit(model: Any) -> None:
        replace_output(output, "Mul", [np.array(3000, np.float32)])(model)
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = ["whole" if n == f"{output}_inner" else n for n in names]
        replace_output(output, "Cast", to=TensorProto.FLOAT16)(model)

    texts = ["a storm", "a film"]
    right = ed.Embedding.load(tiny / "embedding").encode(texts, normalize_embeddings=True)
    task = ed.Embedding.load(damage(tiny_copy("embedding"), edit))
    found = [
        np.stack([task.encode(text, normalize_embeddings=True) for text in texts]),
        task.encode(texts, normalize_embeddings=True),
        task.encode(texts[0]),
    ]
    assert [vectors.dtype for vectors in found] == [np.float32] * 3
    np.testing.assert_allclose(found[:2], [right, right], atol=1e-3)
    label = ed.load(
        damage(tiny_copy("text_classification"), replace_output("logits", "Cast", to=10))
    )("a storm")[0]
    assert label.score == pytest.approx(
        ed.load(tiny / "text_classification")("a storm")[0].score, abs=1e-3
    )


def test_an_evaluation_has_no_figure_where_there_is_no_number(
    tiny_copy: Copy, tmp_path: Path
) -> None:
    data = tmp_path / "labels.csv"
    data.write_text("text,label\na film,0\na storm,1\n", encoding="utf-8")
    task = ed.load(spoil_token(tiny_copy("text_classification"), "storm"))
    with pytest.raises(OutputError, match="variant fp32"):
        evaluate(task, data)
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(
        "sentence1,sentence2,score\na film,a storm,3\nAda,a film,1\n", encoding="utf-8"
    )
    embedding = ed.load(spoil_token(tiny_copy("embedding"), "storm"))
    with pytest.raises(OutputError, match="variant fp32"):
        evaluate(embedding, pairs)


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        (["score"], "looks like rows of text, label .* needs rows of sentence1, sentence2, score"),
        (["bad", "bad", "good"], "labels bad, bad, good, expected different ones for an accuracy"),
    ],
)
def test_one_label_has_no_accuracy(
    labels: list[str], fault: str, tiny_copy: Copy, tmp_path: Path
) -> None:
    """A model of one score was right each time that the label is 0."""
    cut = [np.array([n], np.int64) for n in (0, len(labels), -1)]
    bundle = damage(tiny_copy("text_classification"), replace_output("logits", "Slice", cut))
    file = bundle / "edge_distil.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {"labels": labels}), "utf-8")
    (data := tmp_path / "a.csv").write_text("text,label\na storm,0\nAda,0\n")
    with pytest.raises(ed.EdgeDistilError, match=fault):
        pytest.fail(str(evaluate(ed.load(bundle), data)))
