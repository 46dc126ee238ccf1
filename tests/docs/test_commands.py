"""The commands that README and the documents show: all are understood, those of README do run."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from shown import DOCUMENTS, FENCED, REPOSITORY, blocks

from edge_distil_apps.cli.verbs import app

PROGRAM = [sys.executable, "-P", "-m", "edge_distil_apps.cli"]
TINY = REPOSITORY / "tests" / "golden" / "tiny"
SCORE = 0.005  # of an answer: calibration rounds a little otherwise on another processor


def commands(document: Path) -> Iterator[tuple[list[str], tuple[str, ...]]]:
    """Yield the words of each command of ours and the lines that the document shows below it."""
    for block in blocks(document):
        for shown in block:
            if shown.line.startswith("edge-distil "):
                yield shlex.split(shown.line)[1:], shown.below


SHOWN = [
    pytest.param(words, id=f"{document.relative_to(REPOSITORY)}: {shlex.join(words)}")
    for document in DOCUMENTS
    for words, _ in commands(document)
]


def test_there_are_commands() -> None:
    assert len(SHOWN) > 20


@pytest.mark.parametrize("words", SHOWN)
def test_a_command_is_understood(words: list[str]) -> None:
    """Verb, options and values: it would not end with 2."""
    root = typer.main.get_command(app)
    if words[0].startswith("-"):
        return
    verb = root.get_command(typer.Context(root), words[0])  # type: ignore[attr-defined]
    assert verb is not None
    words = [word.replace("ov/bin/python", sys.executable) for word in words]  # is looked for
    verb.make_context(words[0], words[1:])  # or it raises


@pytest.fixture
def here(embedded_bundle: Path, tmp_path: Path) -> Path:
    """A fresh folder with what the commands name; `export` took half a minute for the bundle."""
    (tmp_path / "qa").symlink_to(embedded_bundle)
    (tmp_path / "minilm").symlink_to(TINY / "embedding")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "bar.md").write_text("tqdm prints the progress bar to stderr.\n")
    (tmp_path / "posts.jsonl").write_text('{"id": 1, "body": "a storm"}\n')
    return tmp_path


def run(words: list[str], folder: Path) -> str:
    done = subprocess.run(
        [*PROGRAM, *words], cwd=folder, env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_readme_s_commands_run_and_print_what_it_shows(here: Path) -> None:
    seen = []
    for words, below in commands(REPOSITORY / "README.md"):
        if words[0] in ("export", "distil"):  # the fixture's, and a training of minutes
            continue
        if words[0] == "embed":
            words = [word.replace("int8", "fp32") for word in words]  # of what stands for minilm
        out = run(words, here).splitlines()
        seen.append(words[0])
        if below:
            assert [line.split()[1:] for line in out] == [line.split()[1:] for line in below]
            for got, shown in zip(out, below, strict=True):
                assert abs(float(got.split()[0]) - float(shown.split()[0])) <= SCORE
    assert {"run", "embed", "search"} <= set(seen)
    assert (here / "posts.parquet").is_file()


def test_its_python_gives_what_its_command_gives(here: Path) -> None:
    """The block on `edge_distil`, on the question of the command above it."""
    [(words, shown)] = [
        found for found in commands(REPOSITORY / "README.md") if found[0][:2] == ["run", "qa"]
    ]
    context = words[words.index("-c") + 1]
    [block] = [
        text for language, text in FENCED.findall((REPOSITORY / "README.md").read_text("utf-8"))
        if language == "python"
    ]  # fmt: skip
    lines = block.replace('"qa/"', repr(str(here / "qa"))).splitlines()[:5]
    names = {"context": context}
    exec("\n".join(lines), names)
    assert names["answer"].text in shown[0]  # type: ignore[attr-defined]
