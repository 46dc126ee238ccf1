"""`load(task=...)`: the class of the task, or a refusal by name."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed
from edge_distil import errors
from edge_distil._machine.beside import beside

CLASSES = {
    "embedding": ("sentence-similarity", ed.Embedding),
    "fill_mask": ("fill-mask", ed.FillMask),
    "multiple_choice": ("multiple-choice", ed.MultipleChoice),
    "question_answering": ("question-answering", ed.QuestionAnswering),
    "text_classification": ("text-classification", ed.TextClassification),
    "token_classification": ("token-classification", ed.TokenClassification),
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_task_that_is_named_is_opened(name: str, tiny: Path) -> None:
    task, kind = CLASSES[name]
    load: Any = ed.load
    assert type(load(tiny / name, task=task)) is kind
    assert type(ed.load(tiny / name)) is kind


def test_embeddings_have_two_names(tiny: Path) -> None:
    assert isinstance(ed.load(tiny / "embedding", task="feature-extraction"), ed.Embedding)


def test_a_bundle_of_another_task_is_refused(tiny: Path) -> None:
    with pytest.raises(errors.TaskError, match=r"sentence-similarity bundle, expected question"):
        ed.load(tiny / "embedding", task="question-answering")


@pytest.mark.parametrize("task", ["qa", "", 3])
def test_a_task_that_is_none_of_ours_is_refused_before_anything_is_read(task: Any) -> None:
    load: Any = ed.load
    with pytest.raises(errors.InputError, match=r"^task is .*, expected one of .*fill-mask"):
        load("nowhere", task=task)


def test_what_runs_beside_a_load_begins_when_python_is_free() -> None:
    said: list[str] = []

    def load(leave: Callable[[], None]) -> str:
        time.sleep(0.05)
        said.append("reads the file")
        leave()
        return "model"

    with beside(load) as model:
        said.append("reads the tokenizer")
    assert (said, model()) == (["reads the file", "reads the tokenizer"], "model")


def test_a_load_that_fails_at_once_keeps_nothing_waiting() -> None:
    def load(leave: Callable[[], None]) -> str:
        raise ValueError("no file")

    with beside(load) as model:
        pass
    with pytest.raises(ValueError, match="no file"):
        model()
