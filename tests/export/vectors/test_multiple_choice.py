"""Multiple choice against transformers' class, called as its documentation calls it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import further
import numpy as np
import onnx
import pytest
import shelf
import tiny
import torch
import transformers
from originals import edit
from same_bits import WORDS

import edge_distil as ed
from edge_distil.errors import InputError, InputTypeError, TaskError

TOLERANCE = 1e-5
INT8_SCORE = 0.03  # a probability, of a model of two layers that averages little
LONGEST = 41  # tokens
QUESTIONS = [
    ("Who keeps the light house?", ["Ada keeps it.", "the quick brown fox", "Où était le café?"]),
    ("", ["the dog sleeps", ""]),
    ("😀🎉👩‍🚀 café", ["東京は日本の首都です。", "the dog", "a", " ", "the dog sleeps on " * 30]),
    ("the quick brown fox " * 40, ["the dog", "the dog sleeps on " * 30, "x"]),
    ("Paris", ["is the capital of France"]),
]
DEFAULT = ("distilbert",)
FAMILIES = [
    name if name in DEFAULT else pytest.param(name, marks=pytest.mark.slow)
    for name in tiny.FAMILIES
]


@pytest.fixture(scope="module")
def chooser(
    checkpoint: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, Path]]:
    """Family -> a checkpoint and its bundle, each made once; DistilBERT's has int8, too."""
    made: dict[str, tuple[Path, Path]] = {}

    def make(family: str) -> tuple[Path, Path]:
        if family not in made:
            folder = tmp_path_factory.mktemp("choice") / family
            shutil.copytree(checkpoint(family, tiny.CHOOSER), folder)
            edit(folder / "tokenizer_config.json", model_max_length=LONGEST)
            bundle = shelf.export(folder, folder.with_name("bundle"))
            if family in DEFAULT:
                shelf.quantize(bundle)
            made[family] = folder, bundle.path
        return made[family]

    return make


def theirs(
    folder: Path, questions: Sequence[tuple[str, Sequence[str]]], *, padded: bool = True
) -> list[np.ndarray]:
    """The probabilities of each prompt's choices, which are padded to the longest or run alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForMultipleChoice.from_pretrained(folder).eval()
    found = []
    for prompt, choices in questions:
        pairs = [[prompt, choice] for choice in choices]
        logits = []
        for rows in [pairs] if padded else [[pair] for pair in pairs]:
            encoded = tokenizer(rows, padding=True, truncation=True, return_tensors="pt")
            given = {n: t for n, t in encoded.items() if n != "token_type_ids" or _has_types(model)}
            with torch.no_grad():
                logits.append(model(**{n: t.unsqueeze(0) for n, t in given.items()}).logits)
        found.append(torch.cat(logits, 1).softmax(-1)[0].numpy())
    return found


def _has_types(model: Any) -> bool:
    return getattr(model.config, "type_vocab_size", 0) > 1


def check(found: list[list[ed.Choice]], wanted: list[np.ndarray], tolerance: float) -> None:
    for (_, texts), ours, scores in zip(QUESTIONS, found, wanted, strict=True):
        assert [choice.text for choice in ours] == [texts[choice.index] for choice in ours]
        assert sorted(choice.index for choice in ours) == [*range(len(texts))]
        assert [choice.score for choice in ours] == sorted((c.score for c in ours), reverse=True)
        for choice in ours:
            assert choice.score == pytest.approx(scores[choice.index], abs=tolerance)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_probabilities_are_transformers(family: str, chooser: Any) -> None:
    folder, path = chooser(family)
    task = ed.load(path, task="multiple-choice")
    wanted = theirs(folder, QUESTIONS)
    assert max(np.ptp(scores) for scores in wanted) > 100 * TOLERANCE
    found = task.batch(QUESTIONS)
    check(found, wanted, TOLERANCE)
    assert list(task.stream(iter(QUESTIONS))) == found
    assert [task(*question) for question in QUESTIONS] == found
    keyed = [{"prompt": prompt, "choices": iter(texts)} for prompt, texts in QUESTIONS]
    assert task.batch(keyed, batch_size=2) == found
    assert [best for [best] in task.batch(QUESTIONS, top_k=1)] == [one[0] for one in found]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["convbert", "roformer", "deberta-v2"])
def test_no_choice_is_padded(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ConvBERT feels padding, and RoFormer's head reads the last token, be it padding."""
    monkeypatch.setitem(tiny.AUTO_CLASSES, tiny.CHOOSER, "AutoModelForMultipleChoice")
    folder = further.save(tmp_path / "model", family, tiny.CHOOSER)
    edit(folder / "tokenizer_config.json", model_max_length=LONGEST)
    task = ed.load(shelf.export(folder, tmp_path / "out").path, task="multiple-choice")
    check(task.batch(QUESTIONS), theirs(folder, QUESTIONS, padded=False), TOLERANCE)


def test_pairs_of_any_length_are_cut_as_transformers_cuts_them(chooser: Any) -> None:
    folder, path = chooser("distilbert")
    chance, lengths = random.Random(5), (0, 1, 7, 17, 18, 19, 20, 37, 38, 39, 60, 200)
    questions = [
        (" ".join(chance.choices(WORDS, k=n)), [" ".join(chance.choices(WORDS, k=m)) for m in some])
        for n in lengths
        for some in (lengths[:6], lengths[6:])
    ]
    for found, scores in zip(
        ed.load(path).batch(questions), theirs(folder, questions), strict=True
    ):
        for choice in found:
            assert choice.score == pytest.approx(scores[choice.index], abs=TOLERANCE)


def test_int8_chooses(chooser: Any) -> None:
    folder, path = chooser("distilbert")
    task = ed.load(path, variant="int8")
    check(task.batch(QUESTIONS), theirs(folder, QUESTIONS), INT8_SCORE)
    evidence = task.bundle.manifest.variants["int8"].evidence
    assert evidence["company"]["same_bits"]


def test_the_graph_has_no_axis_of_choices(chooser: Any) -> None:
    _, path = chooser("distilbert")
    graph = onnx.load(path / "onnx" / "model.onnx").graph
    axes = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.input]
    assert axes == [["batch_size", "sequence_length"]] * 2
    [output] = graph.output
    assert [d.dim_param or d.dim_value for d in output.type.tensor_type.shape.dim] == [
        "batch_size",
        1,
    ]
    readers = {name: [n.op_type for n in graph.node if name in n.input] for name in ("input_ids",)}
    assert set(readers["input_ids"]) <= {"Gather", "Shape"}  # as in every other task
    settings = ed.open_bundle(path).manifest.variants["fp32"].settings
    assert settings["last_layer"] != "whole"


def test_prompts_are_read_as_they_are_needed(chooser: Any) -> None:
    read = 0

    def endless() -> Iterator[tuple[str, list[str]]]:
        nonlocal read
        while True:
            read += 1
            yield f"the dog {read}", ["sleeps", "jumps", f"is {read}"]

    found = ed.load(chooser("distilbert")[1], task="multiple-choice").stream(endless())
    assert [choice.text for choice in sorted(next(found))] == ["sleeps", "jumps", "is 1"]
    assert read <= 3  # eight pairs


def test_what_is_no_prompt_and_no_choice(chooser: Any) -> None:
    task: Any = ed.load(chooser("distilbert")[1])
    half = "\ud800"
    wrong: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: task(None, ["a"]), InputTypeError, "^prompt is None, expected str"),
        (lambda: task(half, ["a"]), InputError, "^prompt has half a surrogate pair"),
        (lambda: task("a", "text"), InputTypeError, "^choices is a str, expected a list"),
        (
            lambda: task.batch([("a", None)]),
            InputTypeError,
            "^prompt 0: choices is None, expected a list: give a list of choices$",
        ),
        (lambda: task("a", []), InputError, "^choices holds no text, expected at least one"),
        (lambda: task("a", ["b", 3]), InputTypeError, "^choice 1 is an int, expected str"),
        (lambda: task("a", ["b", half]), InputError, "^choice 1 has half a surrogate pair"),
        (lambda: task("a", ["b"], top_k=0), InputError, "^top_k is 0, expected at least 1"),
        (lambda: task.batch("ab"), InputTypeError, "^questions is a str, expected a list"),
        (lambda: task.batch(["ab"]), InputTypeError, r"^prompt 0 is a str, expected a tuple \(pro"),
        (lambda: task.batch([("a", ["b"]), ("a",)]), InputTypeError, "^prompt 1 is a tuple of 1"),
        (lambda: task.batch([("a", ["b"]), (half, ["b"])]), InputError, "^prompt 1 has half a"),
        (lambda: task.batch([("a", ["b", half])]), InputError, "^prompt 0, choice 1 has half a"),
        (lambda: task.batch([("a", [])]), InputError, "^prompt 0: choices holds no text"),
        (lambda: task.batch([{"prompt": "a"}]), InputTypeError, "keys prompt and choices"),
    ]
    for call, error, message in wrong:
        with pytest.raises(error, match=message):
            call()
    found = task.stream(iter([("a", ["b", "c"]), ("a", ["b", half])]))
    assert len(next(found)) == 2  # what comes before an error is said first
    with pytest.raises(InputError, match=r"^prompt 1, choice 1 has half"):
        next(found)
    assert task.batch([]) == []


def test_other_tasks_are_refused(tiny: Path, chooser: Any) -> None:
    with pytest.raises(TaskError, match="text-classification bundle, expected multiple-choice"):
        ed.load(tiny / "text_classification", task="multiple-choice")
    with pytest.raises(TaskError, match="multiple-choice bundle, expected text-classification"):
        ed.load(chooser("distilbert")[1], task="reranking")


def test_a_checkpoint_without_a_head_is_refused(
    checkpoint: Callable[..., Path], tmp_path: Path
) -> None:
    from edge_distil_export import export_bundle

    with pytest.raises(TaskError, match="no weights for multiple-choice"):
        export_bundle(
            checkpoint("bert", "feature-extraction"), tmp_path / "out", task="multiple-choice"
        )
    assert not (tmp_path / "out").exists()


def test_others_graphs_of_choices_are_told_the_way(chooser: Any, tmp_path: Path) -> None:
    """optimum's have an axis of choices, which no row of ours has."""
    folder, path = chooser("distilbert")
    shutil.copytree(folder, tmp_path / "plain")
    shutil.copytree(path / "onnx", tmp_path / "plain" / "onnx")
    with pytest.raises(TaskError, match=r"ForMultipleChoice.*export the checkpoint with edge"):
        ed.load(tmp_path / "plain")
