"""What a task does not take is refused by name; a file's name is not read as a text unsaid."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command import Command, on_a_terminal

KINDS = {
    "question_answering": ["-q", "Who?", "-c", "Ada lives."],
    "text_classification": ["storm"],
    "token_classification": ["storm"],
    "fill_mask": ["a [MASK]"],
    "embedding": ["storm"],
    "late_interaction": ["-q", "a ship", "a film", "the sea", "Ada", "a dog"],
}
GIVEN = {
    "TEXT": ["some text"],
    "--question": ["--question", "Who?"],
    "--context": ["--context", "Ada lives."],
    "--pair": ["--pair", "b"],
    "--labels": ["--labels", "a, b"],
    "--template": ["--template", "it is {}"],
    "--multi-label": ["--multi-label"],
    "--file": ["--file", "x.csv"],
    "--jsonl": ["--jsonl"],
    "--top-k": ["--top-k", "3"],
    "--preselect": ["--preselect", "3"],
    "--embedding": ["--embedding", "minilm"],
}


def said(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("option", GIVEN)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_typed_is_passed_over(
    kind: str, option: str, edge_distil: Command, tiny: Path
) -> None:
    """Added to what works alone, it changes what is said or is refused."""
    alone = edge_distil("run", tiny / kind, *KINDS[kind])
    assert alone.status == 0
    done = edge_distil("run", tiny / kind, *KINDS[kind], *GIVEN[option])
    if done.status == 0:
        assert done.out != alone.out
    else:
        assert done.status == 1 or option in said(done.err)  # 1: the model is none for that


@pytest.mark.parametrize(
    ("kind", "words", "wanted"),
    [
        ("question_answering", ["--labels", "a", "-q", "x", "-c", "y"], "--labels is not for a qu"),
        ("question_answering", ["text"], "ask it with --question Q --context TEXT"),
        ("text_classification", ["-c", "a", "storm"], "which takes TEXT, --pair, --question"),
        ("token_classification", ["-q", "a", "storm"], "which takes TEXT, --file and --jsonl"),
        ("embedding", ["--top-k", "2", "storm"], "leave --top-k out"),
        ("question_answering", ["-q", "Who?"], "--question needs --context"),
        ("question_answering", ["-c", "Ada."], "--context needs --question"),
        ("question_answering", ["-q", "x", "-c", "y", "--file", "z"], "put all questions in the"),
    ],
)
def test_it_is_said_what_the_task_takes(
    kind: str, words: list[str], wanted: str, edge_distil: Command, tiny: Path
) -> None:
    done = edge_distil("run", tiny / kind, *words)
    assert (done.status, done.out) == (2, "")
    assert wanted in said(done.err)


@pytest.mark.parametrize("question", ["", " "])
def test_an_empty_question_is_named(question: str, edge_distil: Command, tiny: Path) -> None:
    done = edge_distil("run", tiny / "question_answering", "-q", question, "-c", "Ada lives.")
    assert done.status == 1
    assert done.err == f"error: the question is {question!r}, expected some text: give it\n"


def test_a_context_that_is_a_files_name(
    edge_distil: Command, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ctx.txt").write_text("Ada lives in London.")
    ask = ("run", tiny / "question_answering", "-q", "Who lives?", "-c")
    done = edge_distil(*ask, "ctx.txt")
    assert (done.status, done.out) == (2, "")
    assert "--context @ctx.txt" in said(done.err)
    assert edge_distil(*ask, "@ctx.txt").status == 0
    assert edge_distil(*ask, "-", stdin=b"ctx.txt").status == 0  # a text of these letters
    assert edge_distil(*ask, "other.txt").err == ""


@pytest.mark.parametrize(
    ("kind", "words", "wanted"),
    [
        ("embedding", ["notes.txt"], "--file notes.txt"),
        ("embedding", ["@notes.txt"], "--file notes.txt"),
        ("text_classification", ["storm", "--pair", "notes.txt"], "--file notes.txt"),
        ("question_answering", ["-q", "notes.txt", "-c", "Ada."], "--file notes.txt"),
    ],
)
def test_other_texts_that_are_are_warned_of(
    kind: str, words: list[str], wanted: str, edge_distil: Command, tiny: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    before = edge_distil("run", tiny / kind, *words)
    (tmp_path / "notes.txt").write_text("Ada lives in London.")
    done = edge_distil("run", tiny / kind, *words)
    assert (done.status, done.out, before.err) == (0, before.out, "")
    assert done.err.startswith("warning: ")
    assert wanted in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_hears_which_variant_runs(tiny: Path) -> None:
    command = [sys.executable, "-P", "-m", "edge_distil_apps.cli", "run", str(tiny / "embedding")]
    shown = on_a_terminal([*command, "storm"])
    assert "runs fp32" in shown
    assert "int8" in shown
    assert "runs" not in on_a_terminal([*command, "storm", "--variant", "int8"])
