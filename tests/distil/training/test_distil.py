"""Every task: a student is trained, loads in transformers, and comes nearer to its teacher."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import distil_data
import numpy as np
import pytest
import torch
import transformers

from edge_distil.errors import BundleExists, DataError, InputError, TaskError
from edge_distil_distil import Distilled, Recipe, distil
from edge_distil_distil.teachers import find_origin

pytestmark = pytest.mark.wide

NO_LABELS = ("fill-mask", "feature-extraction")
QUICK = Recipe(epochs=6, batch_size=8, learning_rate=3e-3, dropout=0.0)
AUTO = {
    "question-answering": "AutoModelForQuestionAnswering",
    "fill-mask": "AutoModelForMaskedLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "feature-extraction": "AutoModel",
}


def learn(
    folder: Path, task: str, recipe: Recipe = QUICK, family: str = "bert", **more: object
) -> tuple[Distilled, list[dict[str, float]]]:
    """Train a student of two layers; return it with the losses on the way."""
    seen: list[dict[str, float]] = []
    teacher, data = distil_data.teacher(folder, task, family), distil_data.data(folder, task)
    done = distil(
        teacher, folder / "student", data=data, layers=2, task=task, recipe=recipe,
        progress=lambda s: seen.append(dict(s.losses)) if s.stage == "training" else None, **more,
    )  # fmt: skip
    return done, seen


def said(model: transformers.PreTrainedModel, folder: Path, data: Path) -> torch.Tensor:
    """What a model gives for what it learned from, as transformers' own tokenizer reads it.

    Logits as log-probabilities: soft targets leave open what is added to all of them.
    """
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        found = [
            model(**tokenizer(*text, return_tensors="pt"))[0]
            for text in distil_data.read_back(data)
        ]
    if "For" in type(model).__name__:  # it has a head
        found = [torch.log_softmax(logits, dim=-1) for logits in found]
    return torch.cat([one.flatten() for one in found])


@pytest.mark.parametrize("task", ["question-answering", "feature-extraction"])
def test_products_in_bf16_come_nearer_too(task: str, tmp_path: Path) -> None:
    from edge_distil_distil.students import shorten

    taught = dataclasses.replace(
        QUICK, precision="bf16", weights={} if task in NO_LABELS else {"labels": 0.0}
    )
    done, _ = learn(tmp_path, task, taught)
    auto = getattr(transformers, AUTO[task])
    student, teacher = (auto.from_pretrained(p).eval() for p in (done.path, tmp_path / "bert"))
    assert {weights.dtype for weights in student.parameters()} == {torch.float32}
    data = tmp_path / distil_data.DATA[task][1]
    goal = said(teacher, tmp_path / "bert", data)
    found, before = (
        torch.nn.functional.mse_loss(said(model, done.path, data), goal)
        for model in (student, shorten(teacher, (0, 3)).eval())
    )
    assert found < 0.6 * before


def test_fp16_without_a_gpu_is_refused(tmp_path: Path) -> None:
    if torch.accelerator.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="'fp16', which needs a GPU, expected fp32 or bf16"):
        learn(tmp_path, "question-answering", dataclasses.replace(QUICK, precision="fp16"))


@pytest.mark.parametrize("task", AUTO)
def test_a_student_of_each_task_is_a_checkpoint_near_its_teacher(task: str, tmp_path: Path) -> None:
    from edge_distil_distil.students import shorten, to_distilbert

    taught = dataclasses.replace(QUICK, weights={} if task in NO_LABELS else {"labels": 0.0})
    done, _ = learn(tmp_path, task, taught)
    auto = getattr(transformers, AUTO[task])
    student, teacher = (auto.from_pretrained(p).eval() for p in (done.path, tmp_path / "bert"))
    is_distilbert = task == "fill-mask"
    assert type(student).__name__.startswith("DistilBert" if is_distilbert else "Bert")
    assert student.config.num_hidden_layers == 2
    untrained = (to_distilbert if is_distilbert else shorten)(teacher, (0, 3)).eval()
    data = tmp_path / distil_data.DATA[task][1]
    goal = said(teacher, tmp_path / "bert", data)
    found, before = (
        torch.nn.functional.mse_loss(said(model, done.path, data), goal)
        for model in (student, untrained)
    )
    assert found < 0.6 * before
    record = json.loads((done.path / "edge_distil_student.json").read_text())
    assert record["student"]["parameters"] == sum(p.numel() for p in student.parameters())
    assert "## Recipe" in (done.path / "README.md").read_text()


LOSSES = [
    ("question-answering", "soft"), ("question-answering", "labels"),
    ("question-answering", "hidden"), ("question-answering", "attention"),
    ("question-answering", "relations"), ("question-answering", "cosine"),
    ("text-classification", "soft"), ("text-classification", "labels"),
    ("token-classification", "soft"), ("token-classification", "labels"),
    ("feature-extraction", "vectors"),
    ("fill-mask", "soft"), ("fill-mask", "masked_lm"), ("fill-mask", "cosine"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "loss"), LOSSES)
def test_each_loss_trains_a_student_alone(
    task: str, loss: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_distil_distil.recipe import WEIGHTS
    from edge_distil_distil.training import following

    monkeypatch.setattr(following, "_TELL", 0.0)
    weights = {**dict.fromkeys(WEIGHTS[task], 0.0), loss: 1.0}
    recipe = Recipe(epochs=8, batch_size=8, learning_rate=3e-3, dropout=0.0, weights=weights)
    _, seen = learn(tmp_path, task, recipe)
    assert all(set(losses) == {loss} for losses in seen)
    assert seen[-1][loss] < 0.9 * seen[0][loss]


@pytest.mark.parametrize("task", [task for task in AUTO if task != "fill-mask"])
def test_a_teacher_that_runs_along_says_what_it_says_beforehand(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task's losses are the same beside a loss that looks inside the teacher."""
    from edge_distil_distil.training import following

    monkeypatch.setattr(following, "_TELL", 0.0)
    teacher, data = distil_data.teacher(tmp_path, task), distil_data.data(tmp_path, task)
    told = []
    for name, more in (("beforehand", {}), ("along", {"cosine": 1e-9})):
        seen: list[dict[str, float]] = []
        recipe = Recipe(epochs=1, batch_size=8, dropout=0.0, weights=more)
        distil(
            teacher, tmp_path / name, data=data, layers=1, task=task, recipe=recipe,
            progress=lambda s, seen=seen: seen.append(dict(s.losses)) if s.losses else None,
        )  # fmt: skip
        told.append(seen[0])
    assert set(told[1]) == {*told[0], "cosine"}
    for loss, value in told[0].items():
        assert told[1][loss] == pytest.approx(value, rel=1e-4)


def test_students_share_what_their_teacher_said(tmp_path: Path) -> None:
    """The same weights as one that asks, and no second asking; other data is asked of again."""
    task = "text-classification"
    teacher = distil_data.teacher(tmp_path / "teacher", task)
    data, shared = distil_data.data(tmp_path, task), tmp_path / "answers"
    other = tmp_path / "other.tsv"
    other.write_text(data.read_text(encoding="utf-8") + "one more\t1\n", encoding="utf-8")
    recipe = Recipe(epochs=1, batch_size=8)

    def weights(name: str, file: Path, answers: Path | None) -> bytes:
        distil(teacher, tmp_path / name, data=file, layers=1, recipe=recipe, answers=answers)
        return (tmp_path / name / "model.safetensors").read_bytes()

    alone = weights("alone", data, None)
    assert weights("first", data, shared) == alone
    [kept] = shared.rglob("*.npz")
    stamp = kept.stat().st_mtime_ns
    assert weights("second", data, shared) == alone
    assert kept.stat().st_mtime_ns == stamp
    weights("third", other, shared)
    assert len([*shared.rglob("*.npz")]) == 2


def test_two_teachers_are_the_mean_of_their_logits(tmp_path: Path) -> None:
    from edge_distil_distil.data import read_examples
    from edge_distil_distil.teachers import add_targets, torch_encoder

    task = "text-classification"
    one = distil_data.teacher(tmp_path / "a", task)
    other = distil_data.teacher(tmp_path / "b", task, hidden_act="relu")
    shutil.copy(one / "tokenizer.json", other)  # each trains its own, which may be another
    origins = [find_origin(path, task) for path in (one, other)]
    encoders = [torch_encoder(o.load(), o.path, o.manifest) for o in origins]
    file = distil_data.data(tmp_path, task)
    examples = read_examples([file], origins[0].manifest, encoders[0].tokenizer)
    add_targets(examples, task, encoders, tmp_path / "targets", lambda *_: None)
    lines = [line.split("\t")[0] for line in file.read_text().splitlines()]
    expected = 0.0
    for path in (one, other):
        model = transformers.AutoModelForSequenceClassification.from_pretrained(path).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        with torch.no_grad():
            given = tokenizer(lines, padding=True, return_tensors="pt")
            expected = expected + model(**given).logits.numpy() / 2
    np.testing.assert_allclose(examples.row_targets["teacher_logits"], expected, atol=1e-5)


def test_a_teacher_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    task = "question-answering"
    one, other = (distil_data.teacher(tmp_path / name, task) for name in "ab")
    file = other / "tokenizer.json"
    file.write_text(file.read_text().replace('"fox"', '"xof"'))
    with pytest.raises(InputError, match="different vocabularies"):
        distil([one, other], tmp_path / "out", data=distil_data.data(tmp_path, task), layers=2)


def test_a_bundle_teaches_like_its_checkpoint(tmp_path: Path) -> None:
    import shelf

    task = "question-answering"
    checkpoint = distil_data.teacher(tmp_path, task)
    bundle = shelf.export(checkpoint, tmp_path / "bundle")
    data, recipe = distil_data.data(tmp_path, task), Recipe(epochs=1, batch_size=8, dropout=0.0)
    students = [
        distil(
            teacher, tmp_path / f"student{n}", student=checkpoint, data=data, layers=2,
            recipe=recipe,
        )
        for n, teacher in enumerate((bundle.path, checkpoint))
    ]  # fmt: skip
    auto = transformers.AutoModelForQuestionAnswering
    models = [auto.from_pretrained(s.path) for s in students]
    for one, other in zip(*(m.parameters() for m in models), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
    with pytest.raises(Exception, match="--student"):
        distil(bundle.path, tmp_path / "none", data=data, layers=2)


def test_scores_are_the_runtimes_own_of_the_exported_student(tmp_path: Path) -> None:
    import shelf

    import edge_distil as ed
    from edge_distil import evaluate

    file = distil_data.squad(tmp_path / "dev.json", 9)
    done, _ = learn(tmp_path, "question-answering", evaluate=file)
    bundle = shelf.export(done.path, tmp_path / "bundle")
    again = evaluate.evaluate(ed.load(bundle.path), file)
    assert done.scores == pytest.approx(again.metrics, abs=1e-6)
    theirs = evaluate.evaluate(ed.load(shelf.export(tmp_path / "bert", tmp_path / "b2").path), file)
    assert done.teacher_scores == pytest.approx(theirs.metrics, abs=1e-6)


def test_an_embedding_student_is_a_sentence_transformers_model(tmp_path: Path) -> None:
    import tiny

    base = distil_data.teacher(tmp_path, "feature-extraction")
    folder = tiny.save_sentence_model(
        tmp_path / "sentences", base, "mean", normalize=True, dense=False
    )
    data, output = distil_data.data(tmp_path, "feature-extraction"), tmp_path / "student"
    done = distil(folder, output, data=data, layers=2, recipe=QUICK)
    assert done.task == "sentence-similarity"
    from sentence_transformers import SentenceTransformer

    texts = ["the dog sleeps in Paris", "the fox"]
    theirs, ours = (
        SentenceTransformer(str(path), device="cpu").encode(texts) for path in (folder, output)
    )
    assert ours.shape == theirs.shape
    assert (ours * theirs).sum(1).min() > 0.8


def test_wrong_input_says_what_to_do(tmp_path: Path) -> None:
    task = "question-answering"
    teacher, data = distil_data.teacher(tmp_path, task), distil_data.data(tmp_path, task)
    out = tmp_path / "out"
    cases = [
        ({"layers": 5}, InputError, "expected 1 to 4"),
        ({"layers": (2, 1)}, InputError, "rising order"),
        ({"task": "poetry"}, TaskError, "unknown"),
        ({"task": "ner"}, TaskError, "has no weights for"),
        ({"data": tmp_path / "none.json"}, DataError, "no such file"),
        ({"architecture": "gpt"}, InputError, "same, distilbert"),
        ({"recipe": Recipe(weights={"vectors": 1})}, InputError, "not one of question-answering"),
        ({"recipe": Recipe(weights={"soft": 0, "labels": 0})}, InputError, "all weights are 0"),
        ({"recipe": Recipe(precision="int8")}, InputError, "out of range"),
    ]
    for change, error, words in cases:
        with pytest.raises(error, match=words):
            distil(**{"teacher": teacher, "output": out, "data": data, "layers": 2, **change})
        assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(BundleExists):
            distil(teacher, out, data=data, layers=2, overwrite=overwrite)
    assert (out / "mine.txt").read_text() == "mine"
