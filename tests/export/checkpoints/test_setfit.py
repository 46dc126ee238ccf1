"""SetFit: sentence-transformers' vectors and scikit-learn's head, as one graph."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import shelf
import tiny
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier

import edge_distil as ed
from edge_distil.errors import CheckpointError, TaskError
from edge_distil_export import export_bundle
from edge_distil_export.checkpoints.checkpoint import find_checkpoint
from edge_distil_export.checkpoints.setfit import load_head, read_head

pytestmark = pytest.mark.wide

TOLERANCE = 1e-5
INT8 = 0.05  # of a probability
WIDTH = 32
LONG = " ".join(tiny.CORPUS * 4)  # more tokens than the model reads
TEXTS = [*tiny.CORPUS, "a", LONG]
RANDOM = np.random.default_rng(3)
VECTORS = RANDOM.normal(size=(60, WIDTH))
CLASSES = RANDOM.integers(0, 3, 60)
FLAGS = RANDOM.integers(0, 2, (60, 3))

# Head, and the labels of config_setfit.json.
HEADS: dict[str, tuple[Callable[[], Any], list[str] | None]] = {
    "two classes": (lambda: LogisticRegression().fit(VECTORS, CLASSES > 0), ["bad", "good"]),
    "three classes": (lambda: LogisticRegression().fit(VECTORS, CLASSES), ["a", "b", "c"]),
    "texts as classes": (
        lambda: LogisticRegression().fit(VECTORS, np.array(["x", "y", "z"])[CLASSES]),
        ["a", "b", "c"],
    ),
    "no names": (lambda: LogisticRegression().fit(VECTORS, CLASSES * 5), None),
    "gap": (lambda: LogisticRegression().fit(VECTORS, CLASSES * 2), ["a", "b", "c", "d", "e"]),
    "rest": (
        lambda: OneVsRestClassifier(LogisticRegression()).fit(VECTORS, CLASSES),
        ["a", "b", "c"],
    ),
    "many labels": (
        lambda: OneVsRestClassifier(LogisticRegression()).fit(VECTORS, FLAGS),
        ["a", "b", "c"],
    ),
    "outputs": (
        lambda: MultiOutputClassifier(LogisticRegression()).fit(VECTORS, FLAGS),
        ["a", "b", "c"],
    ),
}


def save(
    folder: Path, base: Path, head: Any, settings: dict[str, Any] | None, **options: Any
) -> Path:
    """Save a SetFit model as ``SetFitModel.save_pretrained`` does."""
    tiny.save_sentence_model(folder, base, "mean", normalize=False, dense=False, **options)
    joblib.dump(head, folder / "model_head.pkl")
    if settings is not None:
        (folder / "config_setfit.json").write_text(json.dumps(settings))
    return folder


def expected(folder: Path, head: Any, normalize: bool) -> Any:
    """Return what ``SetFitModel.predict_proba`` does: the library's vectors, then the head."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu")
        vectors = model.encode(TEXTS, normalize_embeddings=normalize)
    found = head.predict_proba(vectors)
    return np.stack([p[:, 1] for p in found], 1) if isinstance(found, list) else found


def names(head: Any, labels: list[str] | None, count: int) -> list[str]:
    """Return what ``SetFitModel.predict`` calls each class."""
    classes = getattr(head, "classes_", range(count))
    if isinstance(head, MultiOutputClassifier):
        classes = range(count)
    if labels is None or isinstance(classes[0], str):
        return [str(value) for value in classes]
    return [labels[int(value)] for value in classes]


@pytest.fixture(scope="module")
def base(checkpoint: Callable[..., Path]) -> Path:
    return checkpoint("bert", "feature-extraction")


@pytest.mark.parametrize("kind", HEADS)
def test_probabilities_are_those_of_setfit(kind: str, base: Path, tmp_path: Path) -> None:
    make, labels = HEADS[kind]
    head, normalize = make(), kind == "three classes"
    settings = {"normalize_embeddings": normalize, "labels": labels}
    folder = save(tmp_path / "m", base, head, settings)
    bundle = shelf.export(folder, tmp_path / "out", trust_pickle=True)
    truth = expected(folder, head, normalize)
    classifier = ed.TextClassification.load(bundle.path)
    order = names(head, labels, truth.shape[1])
    assert list(bundle.manifest.labels) == order
    for row, found in zip(truth, classifier.batch(TEXTS, top_k=None), strict=True):
        scores = dict(found)
        assert [scores[name] for name in order] == pytest.approx(list(row), abs=TOLERANCE)
    several = "multi" if kind in ("many labels", "outputs") else "single"
    config = json.loads((bundle.path / "config.json").read_text())
    assert (
        config["problem_type"] == bundle.manifest.problem_type == f"{several}_label_classification"
    )
    assert config["id2label"] == {str(i): name for i, name in enumerate(order)}
    assert not list(bundle.path.rglob("*.pkl"))
    assert not (bundle.path / "modules.json").exists()


def test_int8(base: Path, tmp_path: Path) -> None:
    head = HEADS["three classes"][0]()
    folder = save(tmp_path / "m", base, head, {"labels": ["a", "b", "c"]})
    bundle = shelf.export(folder, tmp_path / "out", trust_pickle=True)
    shelf.quantize(bundle, "int8", calibrate=False)
    classifier = ed.TextClassification.load(bundle.path, variant="int8")
    for row, found in zip(
        expected(folder, head, False), classifier.batch(TEXTS, top_k=None), strict=True
    ):
        assert [dict(found)[n] for n in "abc"] == pytest.approx(list(row), abs=INT8)


def test_an_older_release_wrote_no_settings(base: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "m", base, HEADS["three classes"][0](), None)
    source = find_checkpoint(folder)
    found = read_head(source, load_head(source, trust_pickle=True), WIDTH)
    assert (found.labels, found.normalize) == (("0", "1", "2"), False)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


def test_unasked_it_is_not_unpickled(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = save(tmp_path / "m", base, Harmful(), {"labels": ["a"]})
    with pytest.raises(CheckpointError, match=r"model_head.pkl.*--trust-pickle") as caught:
        export_bundle(folder, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m"]


def test_its_vectors_can_be_had_without_the_head(base: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "m", base, Harmful(), {"labels": ["a"]})
    bundle = shelf.export(folder, tmp_path / "out", task="sentence-similarity")
    assert bundle.manifest.task == "sentence-similarity"


class Torch:
    """Stands for a head of torch, or any other class that is not a linear head."""

    def predict_proba(self, vectors: Any) -> Any:
        return np.ones((len(vectors), 2)) / 2


@pytest.mark.parametrize(
    "head",
    [
        Torch(),
        {"coef_": [1]},
        None,
        SGDClassifier(loss="log_loss").fit(VECTORS, CLASSES),
        RidgeClassifier().fit(VECTORS, CLASSES),
        ClassifierChain(LogisticRegression()).fit(VECTORS, FLAGS),
        OneVsRestClassifier(SGDClassifier(loss="modified_huber")).fit(VECTORS, CLASSES),
        LogisticRegression(),
        LogisticRegression().fit(VECTORS[:, :8], CLASSES),
        MultiOutputClassifier(LogisticRegression()).fit(VECTORS, FLAGS + CLASSES[:, None]),
    ],
    ids=lambda head: type(head).__name__,
)
def test_other_heads_are_refused_by_name(head: Any, base: Path, tmp_path: Path) -> None:
    source = find_checkpoint(save(tmp_path / "m", base, head, {"labels": ["a", "b", "c"]}))
    with pytest.raises(CheckpointError, match=f"is a {type(head).__name__}, expected") as caught:
        read_head(source, head, WIDTH)
    assert "\n" not in str(caught.value)


def test_a_head_that_is_no_pickle_or_absent(base: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "m", base, None, {"labels": ["a", "b"]})
    (folder / "model_head.pkl").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CheckpointError, match=r"model_head.pkl cannot be read") as caught:
        load_head(find_checkpoint(folder), trust_pickle=True)
    assert "\n" not in str(caught.value)
    (folder / "model_head.pkl").unlink()
    with pytest.raises(CheckpointError, match="without its head"):
        export_bundle(folder, tmp_path / "out", trust_pickle=True)


def test_a_prompt_before_every_text_is_refused(base: Path, tmp_path: Path) -> None:
    prompt = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    folder = save(tmp_path / "m", base, HEADS["three classes"][0](), None, **prompt)
    with pytest.raises(TaskError, match="puts the prompt 'query' before every text"):
        export_bundle(folder, tmp_path / "out", trust_pickle=True)
