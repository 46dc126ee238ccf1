"""How a bundle is opened: the model beside the tokenizer, and nothing that is not used."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edge_distil as ed
from edge_distil import errors, tasks

ASK = """
import sys
import edge_distil as ed
qa = ed.load(sys.argv[1])
print(qa("Who wrote it?", "Ada wrote it."))
print(*sorted(sys.modules), file=sys.stderr)
"""
WITHOUT_THREADS = "import threading; threading.stack_size(1 << 46)" + ASK
QA = "question_answering"  # a tiny bundle
# What an answer to a short question does without: other tasks, strangers' folders, writing.
UNUSED = {
    "concurrent.futures",
    "edge_distil._reading.foreign",
    "edge_distil._reading.untrusted",
    "edge_distil.coreml",
    "edge_distil.tasks.embedding",
    "edge_distil.tasks.fill_mask",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
}


def ask(script: str, bundle: Path) -> tuple[str, set[str]]:
    command = [sys.executable, "-P", "-c", script, bundle]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout, set(done.stderr.split())


def test_an_answer_imports_what_it_uses_alone(tiny: Path) -> None:
    answer, modules = ask(ASK, tiny / QA)
    assert answer.startswith("Answer(text=")
    assert "edge_distil.tasks.question_answering" in modules
    assert not modules & UNUSED


@pytest.mark.skipif(sys.platform != "linux", reason="a stack of that size is refused there alone")
def test_where_no_thread_can_be_started_the_answer_is_the_same(tiny: Path) -> None:
    assert ask(WITHOUT_THREADS, tiny / QA)[0] == ask(ASK, tiny / QA)[0]


def test_what_is_wrong_is_raised_where_the_bundle_is_opened(tiny: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(tiny / QA, tmp_path / "own"))
    (own / "edge_distil.json").unlink()  # nothing is hashed then
    model, tokenizer = own / "onnx" / "model.onnx", own / "tokenizer.json"
    model.write_bytes(b"\x08\x08")  # a model of a version, and nothing else
    with pytest.raises(errors.SessionError, match=r"cannot load .*model\.onnx"):
        ed.load(own, task="question-answering")
    tokenizer.write_text("{}", "utf-8")  # which is said first, as it is read first
    with pytest.raises(errors.BundleCorrupt, match=r"tokenizer\.json"):
        ed.load(own, task="question-answering")


def test_every_name_of_the_tasks_is_there() -> None:
    for name in tasks.__all__:
        assert getattr(tasks, name) is not None
        assert name in dir(tasks)
    for task, made in tasks.BY_NAME.items():
        assert issubclass(made, tasks.Task)
        assert task in made.names or task in ("reranking", "zero-shot-classification")
    assert len(tasks.BY_NAME) == len(set(tasks.BY_NAME))
    with pytest.raises(AttributeError, match="has no attribute 'Answers'"):
        _ = tasks.Answers
