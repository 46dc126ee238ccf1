"""`load(task=...)`: the class of the task, or a refusal by name."""

from __future__ import annotations

import threading
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


def test_what_is_put_off_is_done_beside_from_its_start_on() -> None:
    threads = []
    with beside(lambda: threads.append(threading.current_thread())) as work:
        assert not threads
        work.start()
        work.start()
    assert len(threads) == 1
    assert threads != [threading.current_thread()]
    assert work.result() is None
    assert len(threads) == 1


def test_what_was_never_started_is_done_when_it_is_asked_for() -> None:
    with beside(threading.current_thread) as work:
        pass
    assert work.result() is threading.current_thread()


def test_where_both_fail_it_is_the_work_that_is_named() -> None:
    with pytest.raises(ValueError, match="no number"), beside(lambda: int("no number")):
        raise OSError("no model")


def test_a_failure_beside_is_raised_where_it_is_asked_for() -> None:
    with beside(lambda: int("no number")) as work:
        work.start()
    with pytest.raises(ValueError, match="no number"):
        work.result()
