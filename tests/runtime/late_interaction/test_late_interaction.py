"""Late interaction on the device: MultiVectorEncoder's numbers without torch; what is refused."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_distil as ed
from edge_distil import similarity
from edge_distil._tokenizing.rows import Expanded, Row, collate
from edge_distil.errors import BundleCorrupt, InputError, InputTypeError, TaskError

NAME = "late_interaction"
TOLERANCE = 1e-5
NO_VECTORS = -1e9  # the score of a document whose tokens are all skipped
Copy = Callable[[str], Path]


@pytest.fixture(scope="module")
def task(tiny: Path) -> ed.LateInteraction:
    return ed.LateInteraction.load(tiny / NAME)


@pytest.fixture
def known(truth: Callable[[str], Any]) -> dict[str, Any]:
    """What the library gave: texts, and their vectors as queries and as documents."""
    made: dict[str, Any] = truth(NAME)
    for side in ("queries", "documents"):
        made[side] = [np.array(rows, np.float32).reshape(-1, 8) for rows in made[side]]
    return made


def test_texts_have_the_librarys_vectors(task: ed.LateInteraction, known: dict[str, Any]) -> None:
    texts = known["texts"]
    for found, expected in (
        (task.encode_query(texts), known["queries"]),
        (task.encode_document(texts), known["documents"]),
    ):
        assert [len(vectors) for vectors in found] == [len(vectors) for vectors in expected]
        for ours, theirs in zip(found, expected, strict=True):
            assert np.abs(ours - theirs).max(initial=0) <= TOLERANCE
            assert ours.dtype == np.float32
    lengths = [len(vectors) for vectors in known["documents"]]
    assert 0 in lengths  # a text of skipped words, and an empty one
    assert max(lengths) < 40 < len(texts[-1].split())


def test_scores_are_the_librarys(task: ed.LateInteraction, known: dict[str, Any]) -> None:
    queries, documents = (
        task.encode_query(known["texts"]), task.encode_document(known["texts"])
    )  # fmt: skip
    found = task.similarity(queries, documents)
    assert np.allclose(found, known["scores"], rtol=TOLERANCE, atol=TOLERANCE)
    assert (found[:, [len(d) == 0 for d in documents]] == NO_VECTORS).all()
    assert task.similarity(queries[0], documents[0]).tolist() == [[found[0, 0]]]
    assert task.similarity(np.stack(queries), documents).tobytes() == found.tobytes()


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_ranks_are_those_of_the_scores(variant: str, tiny: Path, known: dict[str, Any]) -> None:
    task, texts = ed.LateInteraction.load(tiny / NAME, variant=variant), known["texts"]
    scores = task.similarity(task.encode_query(texts), task.encode_document(texts))
    for query, row in zip(texts, scores.tolist(), strict=True):
        ranked = task.rank(query, texts)
        order = sorted(range(len(row)), key=lambda index: -row[index])
        assert [(one.index, one.score) for one in ranked] == [(i, row[i]) for i in order]
        assert task.rank(query, (text for text in texts), top_k=3) == ranked[:3]
    assert task.rank("storm", []) == []


def test_int8_stays_near(tiny: Path, known: dict[str, Any]) -> None:
    task = ed.LateInteraction.load(tiny / NAME, variant="int8")
    for found, expected in zip(
        task.encode_document(known["texts"]), known["documents"], strict=True
    ):
        assert (found * expected).sum(axis=1).min(initial=1) > 0.99
    evidence = task.bundle.manifest.variants["int8"].evidence[NAME]
    assert evidence["min_cosine"] > 0.99
    assert evidence["same_best"] == 1
    assert 0 < evidence["max_score_diff"] < 0.05 * evidence["mean_score"]


def test_a_stream_is_read_ahead_by_a_block(task: ed.LateInteraction, known: dict[str, Any]) -> None:
    numbers = count()
    texts = (known["texts"][next(numbers) % 8] for _ in count())
    found = list(islice(task.stream(texts), 20))
    assert next(numbers) <= 20 + 2 * 16 + 1
    again = task.encode_document([known["texts"][n % 8] for n in range(20)])
    assert [v.tobytes() for v in found] == [v.tobytes() for v in again]
    [query] = task.stream([known["texts"][0]], query=True)
    assert query.tobytes() == task.encode_query(known["texts"][0]).tobytes()


def test_progress_counts_texts(task: ed.LateInteraction) -> None:
    seen: list[tuple[int, int | None]] = []
    task.encode_document(["a"] * 5, show_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (5, 5)


def test_tokens_that_fill_up_are_hidden_by_the_mask() -> None:
    """Beside a row as long that is not filled up."""
    row, other = (Row(np.array(ids, np.int32), np.zeros(len(ids), np.int32)) for ids in (
        [7, 3], [5, 6, 7, 8]
    ))  # fmt: skip
    for attend, mask in ((False, [1, 1, 0, 0]), (True, [1, 1, 1, 1])):
        feeds = collate([Expanded.filled(row, 4, 9, attend=attend), other], 0)
        assert feeds["input_ids"].tolist() == [[7, 3, 9, 9], [5, 6, 7, 8]]
        assert feeds["attention_mask"].tolist() == [mask, [1, 1, 1, 1]]
    assert Expanded.filled(other, 3, 9, attend=False).mask.tolist() == [1, 1, 1, 1]


def test_a_document_of_any_length_is_compared_in_little_memory() -> None:
    random = np.random.default_rng(3)
    query = random.normal(size=(32, 8)).astype(np.float32)
    document = random.normal(size=(100_000, 8)).astype(np.float32)
    expected = (query @ document.T).max(axis=1).sum()
    tracemalloc.start()
    [[found]] = similarity.late([query], [document], "maxsim")
    assert tracemalloc.get_traced_memory()[1] < 2 << 20  # of 12 MB
    tracemalloc.stop()
    assert abs(found - expected) < 1e-4
    assert similarity.late([query], [document], "meanmaxsim")[0, 0] == np.float32(found / 32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda t: t.encode_query(5), InputTypeError, "texts is an int, expected a list"),
        (lambda t: t.encode_query(["a", 5]), InputTypeError, "text 1 is an int, expected str"),
        (lambda t: t.encode_document("\ud800"), InputError, "half a surrogate pair"),
        (lambda t: t.encode_document(["a"], batch_size=0), InputError, "batch_size is 0"),
        (
            lambda t: t.encode_document("a", prompt="b"),
            InputTypeError,
            "encode_document has no option 'prompt', expected one of batch_size, show_progress",
        ),
        (lambda t: t.stream(["a"], query=1), InputTypeError, "query is 1"),
        (lambda t: t.rank(5, ["a"]), InputTypeError, "^query is an int"),
        (lambda t: t.rank("\ud800", ["a"]), InputError, "query has half a surrogate pair"),
        (lambda t: t.rank("a", "b"), InputTypeError, "documents is a str"),
        (lambda t: t.rank("a", ["b", None]), InputTypeError, "document 1 is None"),
        (lambda t: t.rank("a", ["b", "\ud800"]), InputError, "document 1 has half a surrogate"),
        (lambda t: t.rank("a", ["b"], top_k=0), InputError, "top_k is 0, expected at least 1"),
        (
            lambda t: t.similarity(np.ones(8), np.ones((2, 8))),
            InputError,
            r"queries is of shape \(\)",
        ),
        (lambda t: t.similarity([[1.0, 2.0]], [[3.0]]), InputError, "queries is of shape"),
        (lambda t: t.similarity(np.ones((2, 8)), np.ones((2, 7))), InputError, "7 and 8 numbers"),
        (lambda t: t.similarity(["a"], ["b"]), InputTypeError, "cannot be read as numbers"),
        (lambda t: t.similarity(1j * np.ones((2, 8)), []), InputTypeError, "complex numbers"),
        (lambda t: t.similarity(5, np.ones((2, 8))), InputTypeError, "queries is an int"),
    ],
)
def test_wrong_calls(
    task: ed.LateInteraction, call: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(task)


def change(bundle: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    path = bundle / "edge_distil.json"
    document = json.loads(path.read_text("utf-8"))
    edit(document)
    path.write_text(json.dumps(document), "utf-8")
    return bundle


def put(*names: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        *outer, last = names
        for name in outer:
            document = document[name]
        document[last] = value

    return edit


@pytest.mark.parametrize(
    ("names", "value", "message"),
    [
        ((), None, "late_interaction.dimension"),
        ((), [1], "late_interaction is a list of 1, expected an object"),
        (("dimension",), 0, "late_interaction.dimension is 0"),
        (("similarity",), "cosine", "similarity is 'cosine', expected one of maxsim, meanmaxsim"),
        (("query",), None, "late_interaction.query.max_length"),
        (("query", "prompt"), 5, "late_interaction.query.prompt is 5, expected a text"),
        (("document", "max_length"), 41, "from 1 to 40"),
        (("document", "skip"), [-1], "skip.0 is -1"),
        (("document", "skip"), {"a": 1}, "skip is an object of 1, expected a list"),
        (("expansion", "length"), 1 << 30, "expansion.length is"),
        (("expansion", "token"), "[MASK]", "expansion.token is"),
        (("expansion", "attend"), "yes", "expansion.attend is 'yes', expected true or false"),
    ],
)
def test_a_manifest_of_a_stranger(
    tiny_copy: Copy, names: tuple[str, ...], value: Any, message: str
) -> None:
    bundle = change(tiny_copy(NAME), put(NAME, *names, value=value))
    with pytest.raises(BundleCorrupt, match=message) as caught:
        ed.load(bundle)
    assert "\n" not in str(caught.value)


def test_ids_beyond_the_vocabulary_are_an_error_of_ours(tiny_copy: Copy) -> None:
    bundle = change(tiny_copy(NAME), put(NAME, "expansion", "token", value=2**31 - 1))
    with pytest.raises(ed.EdgeDistilError):
        ed.LateInteraction.load(bundle).encode_query("a storm")


def test_a_prompt_may_fill_a_query(tiny_copy: Copy) -> None:
    """It is cut with the text, as the library cuts."""
    bundle = change(tiny_copy(NAME), put(NAME, "query", "prompt", value="the old ship " * 1000))
    task = ed.LateInteraction.load(bundle)
    assert task.encode_query("a").tobytes() == task.encode_query("a storm").tobytes()


def test_another_task_is_refused(tiny: Path, tiny_copy: Copy) -> None:
    with pytest.raises(TaskError, match="expected late-interaction"):
        ed.LateInteraction.load(tiny / "embedding")
    with pytest.raises(TaskError, match="expected"):
        ed.load(tiny / NAME, task="sentence-similarity")
    plain = tiny_copy(NAME)
    (plain / "edge_distil.json").unlink()
    with pytest.raises(TaskError, match="export the checkpoint with edge-distil"):
        ed.load(plain)


def test_untrusted(tiny: Path, known: dict[str, Any]) -> None:
    task = ed.LateInteraction.load(tiny / NAME, untrusted=True)
    assert len(task.encode_document(known["texts"][0])) == len(known["documents"][0])
