"""Sparse embeddings on the device: SparseEncoder's weights without sentence-transformers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_distil as ed
from edge_distil.errors import BundleCorrupt, InputError, InputTypeError, OutputError, TaskError
from edge_distil.evaluate import compare, evaluate
from edge_distil.outputs import SPARSE
from edge_distil.sparse import SparseVector, SparseVectors

NAME = "sparse_embedding"
TOLERANCE = 1e-5
INT8_COSINE = 0.998  # of a model of two layers, 16 numbers wide


@pytest.fixture(scope="module")
def task(tiny: Path) -> ed.SparseEmbedding:
    found = ed.load(tiny / NAME)
    assert isinstance(found, ed.SparseEmbedding)
    return found


def near(found: SparseVectors, expected: Any) -> bool:
    return float(np.abs(found.dense() - np.array(expected)).max()) <= TOLERANCE


def test_texts_have_sparse_encoders_weights(
    task: ed.SparseEmbedding, truth: Callable[[str], Any]
) -> None:
    known = truth(NAME)
    texts = known["texts"]  # one empty, one longer than the model reads
    assert near(task.encode(texts), known["weights"])
    assert near(task.encode_query(texts), known["query_weights"])
    assert near(task.encode_document(texts), known["weights"])
    assert near(task.encode(texts, prompt="what is "), known["query_weights"])
    assert near(task.encode(texts, max_active_dims=6), known["greatest"])
    alone = [task.encode(text) for text in texts]
    assert near(SparseVectors.of(alone, task.dimension), known["weights"])
    found = task.similarity(alone, task.encode(texts))
    np.testing.assert_allclose(found, known["similarity"], rtol=TOLERANCE)
    pairs = task.similarity_pairwise(alone, task.encode(texts))
    np.testing.assert_allclose(pairs, np.diag(known["similarity"]), rtol=TOLERANCE)


def test_tokens_are_sparse_encoders(task: ed.SparseEmbedding, truth: Callable[[str], Any]) -> None:
    known = truth(NAME)
    for vector, expected in zip(task.encode(known["texts"]), known["tokens"], strict=True):
        found = task.decode(vector, top_k=6)
        assert [token for token, _ in found] == [token for token, _ in expected]
        assert np.abs(np.subtract([w for _, w in found], [w for _, w in expected])).max() < 1e-5
        assert len(task.decode(vector)) == len(vector.indices)


def test_int8_stays_near(tiny: Path, task: ed.SparseEmbedding, tmp_path: Path) -> None:
    data = tmp_path / "pairs.csv"
    words = "the old light house keeper lives in london and paris a charming film".split()
    rows = [f"{' '.join(words[i:])},{' '.join(words[: i + 1])},{i}" for i in range(len(words))]
    data.write_text("sentence1,sentence2,score\n" + "\n".join(rows))
    int8 = ed.load(tiny / NAME, variant="int8", task="sparse-embedding")
    found = compare(task, int8, data)
    assert found.cosine_min is not None
    assert found.cosine_min >= INT8_COSINE
    assert found.count == 2 * len(rows)
    a, b = (one.encode(words).dense() for one in (task, int8))
    assert np.abs(a - b).max() > 0  # it is another model
    result = evaluate(task, data)
    first, second = (task.encode([row.split(",")[i] for row in rows]) for i in (0, 1))
    dots = (first.dense() * second.dense()).sum(axis=1)
    ranks = [np.argsort(np.argsort(values)) for values in (dots, np.arange(len(rows)))]
    assert result.metrics["spearman"] == pytest.approx(100 * np.corrcoef(*ranks)[0, 1])


def test_a_stream_is_read_as_it_comes(task: ed.SparseEmbedding) -> None:
    texts = ["the storm", "", "a charming film " * 30, "🙂 東京"] * 10
    read = []
    stream = task.stream(read.append(text) or text for text in texts)
    first = next(stream)
    assert len(read) < len(texts)
    found, whole = [first, *stream], task.encode(texts, batch_size=3)
    for one, other in zip(found, whole, strict=True):
        assert one.indices.tobytes() == other.indices.tobytes()
        assert one.values.tobytes() == other.values.tobytes()


def test_rows_are_compressed_as_numpy_users_know_them(task: ed.SparseEmbedding) -> None:
    texts = ["the storm", "Ada works", "a film"]
    found = task.encode(texts)
    assert found.shape == (3, task.dimension)
    assert len(found) == 3 == len(list(found))
    assert found.indptr.dtype == np.int64
    assert found[-1].indices.tobytes() == task.encode("a film").indices.tobytes()
    assert near(found[1:], found.dense()[1:])
    assert near(found[::-2], found.dense()[::-2])
    with pytest.raises(IndexError):
        found[3]
    none = task.encode([])
    assert none.shape == (0, task.dimension)
    assert none.dense().shape == none.shape
    assert task.similarity(none, found).shape == (0, 3)
    assert task.decode(SparseVector.of(np.zeros(task.dimension, np.float32))) == []


@pytest.mark.parametrize("function", ["dot", "cosine", "euclidean", "manhattan"])
def test_blocks_change_no_similarity(
    function: str, task: ed.SparseEmbedding, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_distil import similarity, sparse
    from edge_distil.sparse import vectors as vectors_module

    vectors = task.encode(["the storm", "Ada works", "a film", "", "old sea"])
    dense = vectors.dense()
    monkeypatch.setattr(vectors_module, "_AT_ONCE", 2 * task.dimension)
    np.testing.assert_allclose(
        sparse.all_pairs(vectors, vectors[:3], function),
        similarity.all_pairs(dense, dense[:3], function),
        rtol=1e-5,
        atol=1e-5,
    )
    np.testing.assert_allclose(
        sparse.pairwise(vectors, vectors[::-1], function),
        similarity.pairwise(dense, dense[::-1], function),
        rtol=1e-5,
        atol=1e-5,
    )


WRONG = {
    "texts is a bytes": (InputTypeError, lambda task: task.encode(b"storm")),
    "text 1 is None": (InputTypeError, lambda task: task.encode(["storm", None])),
    "text 0 has half a surrogate": (InputError, lambda task: task.encode(["\ud800"])),
    "no prompt 'poem'": (InputError, lambda task: task.encode("storm", prompt_name="poem")),
    "max_active_dims is 0": (InputError, lambda task: task.encode("storm", max_active_dims=0)),
    "max_active_dims is 2.5": (
        InputTypeError, lambda task: task.encode("storm", max_active_dims=2.5),
    ),
    "batch_size is 0": (InputError, lambda task: list(task.stream(["storm"], batch_size=0))),
    "show_progress is 1": (InputTypeError, lambda task: task.encode(["a"], show_progress=1)),
    "top_k is 0": (InputError, lambda task: task.decode(task.encode("storm"), top_k=0)),
    "embedding 0 is a str": (InputTypeError, lambda task: task.decode("storm")),
    "embedding 1 is a list": (
        InputTypeError, lambda task: task.similarity([task.encode("storm"), [1.0]], []),
    ),
    "embedding 0 has the token 9": (
        InputError,
        lambda task: task.decode(SparseVector(np.array([9999], np.int32), np.ones(1, np.float32))),
    ),
    "embedding 0 has the token -1": (
        InputError, lambda task: task.decode(SparseVector(np.array([-1, 2]), np.ones(2))),
    ),
    "embedding 0 has int64 indices of shape (2,) and float64 values of shape (1,)": (
        InputError, lambda task: task.decode(SparseVector(np.array([1, 2]), np.ones(1))),
    ),
    "embedding 0 has float64 indices": (
        InputError, lambda task: task.decode(SparseVector([0.5], [1])),
    ),
    "embedding 0 has object indices": (
        InputError, lambda task: task.decode(SparseVector([[1], [2, 3]], [1.0])),
    ),
    "got 1 and 2 embeddings": (
        InputError,
        lambda task: task.similarity_pairwise(task.encode(["a"]), task.encode(["a", "b"])),
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", WRONG)
def test_wrong_calls_are_one_line(message: str, task: ed.SparseEmbedding) -> None:
    kind, call = WRONG[message]
    with pytest.raises(kind, match=re.escape(message)) as caught:
        call(task)
    assert "\n" not in str(caught.value)


def manifest(folder: Path, **pooling: Any) -> Path:
    """Change fields of the manifest's pooling; ``None`` takes them out."""
    path = folder / "edge_distil.json"
    document = json.loads(path.read_text("utf-8"))
    changed = {**document["pooling"], **pooling}
    document["pooling"] = {k: v for k, v in changed.items() if v is not None}
    path.write_text(json.dumps(document), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "mean"), ("mode", "max+sum"), ("mode", None), ("activation", "gelu"),
        ("activation", None), ("dimension", 0), ("dimension", 10**9), ("max_active_dims", 0),
        ("max_active_dims", "6"), ("similarity", "maxsim"),
    ],
)  # fmt: skip
def test_a_strangers_manifest(field: str, value: Any, tiny_copy: Callable[[str], Path]) -> None:
    with pytest.raises(BundleCorrupt, match=field):
        ed.load(manifest(tiny_copy(NAME), **{field: value}))


def test_a_manifest_that_says_more(
    tiny_copy: Callable[[str], Path], truth: Callable[[str], Any]
) -> None:
    folder = manifest(
        tiny_copy(NAME), max_active_dims=6, similarity="cosine", default_prompt="query"
    )
    task = ed.load(folder, task="sparse-embedding")
    texts = truth(NAME)["texts"]
    assert max(len(vector.indices) for vector in task.encode(texts)) == 6
    assert near(task.encode(texts, prompt="", max_active_dims=6), truth(NAME)["greatest"])
    np.testing.assert_allclose(np.diag(task.similarity(*[task.encode(texts)] * 2)), 1, rtol=1e-5)


def test_a_bundle_without_its_manifest_is_told_to_export(tiny_copy: Any) -> None:
    folder = tiny_copy(NAME)
    (folder / "edge_distil.json").unlink()
    with pytest.raises(TaskError, match="SparseEncoder, whose pooling only an edge-distil export"):
        ed.load(folder)


def test_a_vector_of_another_length_is_not_read(tiny_copy: Any) -> None:
    task = ed.load(manifest(tiny_copy(NAME), dimension=7))
    with pytest.raises(OutputError, match=rf"{SPARSE} .*expected .*\(1, 7\)"):
        task.encode("storm")


def test_a_weight_below_nothing_is_not_read(tiny_copy: Any) -> None:
    pytest.importorskip("onnx")
    from damaged import damage, replace_output

    task = ed.load(damage(tiny_copy(NAME), replace_output(SPARSE, "Neg")))
    with pytest.raises(OutputError, match=r"text 0: .* weights below 0, expected none"):
        list(task.stream(["the storm", "a film"]))


@pytest.mark.parametrize("text", ["storm", "the storm", "storm the", "a storm in the old sea"])
def test_one_token_without_numbers_is_not_passed_over(text: str, tiny_copy: Any) -> None:
    """Behind the last attention a token may overflow alone; the maximum of NaN and 1 may be 1."""
    onnx = pytest.importorskip("onnx")
    from damaged import damage

    folder = tiny_copy(NAME)
    words = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    constants = {"word": np.int64(words["storm"]), "last": [-1], "none": np.float32("nan")}

    def edit(model: Any) -> None:
        head = next(n for n in reversed(model.graph.node) if n.op_type == "MatMul")
        place = list(model.graph.node).index(head)
        model.graph.initializer.extend(
            onnx.numpy_helper.from_array(np.asarray(array), name)
            for name, array in constants.items()
        )
        for node in (
            onnx.helper.make_node("Where", ["there", "none", head.input[0]], ["spoilt"]),
            onnx.helper.make_node("Unsqueeze", ["is_word", "last"], ["there"]),
            onnx.helper.make_node("Equal", ["input_ids", "word"], ["is_word"]),
        ):
            model.graph.node.insert(place, node)
        head.input[0] = "spoilt"

    task = ed.load(damage(folder, edit))
    assert len(task.encode("the old sea").indices)
    with pytest.raises(OutputError, match="NaN"):
        task.encode(text)
