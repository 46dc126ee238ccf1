"""Slips of the hand: an option twice, a file for a directory, a verb misspelt."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from command import Command

from edge_distil_apps.cli.verbs import app

ROOT = typer.main.get_command(app)
VERBS = sorted(ROOT.commands)  # type: ignore[attr-defined]


def options_of(verb: str) -> list[list[str]]:
    """The names of each option of a verb that takes one value, as click knows them."""
    command = ROOT.get_command(typer.Context(ROOT), verb)  # type: ignore[attr-defined]
    return [
        param.opts
        for param in command.params
        if param.param_type_name == "option" and not (param.multiple or param.is_flag)
    ]


@pytest.mark.parametrize("verb", [verb for verb in VERBS if options_of(verb)])
def test_no_first_value_is_lost(verb: str, edge_distil: Command) -> None:
    """click (as `getopt` does) takes the last one and says nothing."""
    for names in options_of(verb):
        done = edge_distil(verb, "x", names[0], "1", names[-1], "2")
        said = " ".join(done.err.replace("│", " ").split())
        assert (done.status, done.out) == (2, "")
        assert f"{max(names, key=len)} is given 2 times" in said


def test_a_flag_may_be_there_twice(edge_distil: Command, tiny: Path) -> None:
    done = edge_distil("run", tiny / "embedding", "storm", "--json", "--json")
    assert done.status == 0


@pytest.mark.parametrize(("typed", "meant"), [("runn", "run"), ("exprot", "export")])
def test_a_verb_misspelt(typed: str, meant: str, edge_distil: Command) -> None:
    for words in ((typed,), ("help", typed)):
        done = edge_distil(*words)
        assert done.status == 2
        assert f"Did you mean '{meant}'" in " ".join(done.err.replace("│", " ").split())


def test_an_option_misspelt(edge_distil: Command, tiny: Path) -> None:
    said = " ".join(edge_distil("run", tiny / "embedding", "--qestion", "x").err.split())
    assert "--question" in said


BUNDLE_VERBS = {
    "run": ["run", "FILE", "storm"],
    "inspect": ["inspect", "FILE"],
    "quantize": ["quantize", "FILE", "--int8"],
    "embed": ["embed", "FILE", "FILE", "-o", "x.npy"],
    "eval": ["eval", "FILE", "--data", "FILE"],
    "bench": ["bench", "FILE"],
    "serve": ["serve", "FILE"],
    "push": ["push", "FILE", "ada/qa", "--dry-run"],
    "search --build": ["search", "--build", "docs", "-o", "i", "--bundle", "FILE"],
}


@pytest.fixture
def here(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The storm lamp.\n")
    (tmp_path / "notes.txt").write_text("The storm lamp.\n")
    return tmp_path


@pytest.mark.parametrize("verb", BUNDLE_VERBS)
def test_a_file_where_a_bundle_is_expected(
    verb: str, here: Path, edge_distil: Command, tiny: Path
) -> None:
    for file, wanted in (
        (here / "notes.txt", "edge-distil export"),
        (tiny / "embedding" / "edge_distil.json", f"give {tiny / 'embedding'}"),
        (tiny / "embedding" / "onnx" / "model.onnx", f"give {tiny / 'embedding'}"),
    ):
        done = edge_distil(*(str(file) if word == "FILE" else word for word in BUNDLE_VERBS[verb]))
        assert done.status == 1
        assert "is a file" in done.err
        assert "no such directory" not in done.err
        assert wanted in done.err


def test_a_file_where_an_index_or_a_folder_is_expected(
    here: Path, edge_distil: Command, index: Path, embedding: Path
) -> None:
    build = ("search", "--bundle", embedding, "--build")
    for words, wanted in (
        (("search", "notes.txt", "storm"), "is a file, expected an index"),
        (("search", index / "passages.sqlite", "storm"), f"give its directory {index}"),
        ((*build, "notes.txt", "-o", "i"), "notes.txt is a file, expected a folder"),
        ((*build, "docs", "-o", "notes.txt"), "notes.txt is a file"),
    ):
        done = edge_distil(*words)
        assert done.status == 1
        assert wanted in done.err


def test_every_verb_is_looked_at() -> None:
    """A verb that takes a BUNDLE is in the list above, but for `doctor`, which reports."""
    taking = {
        verb
        for verb in VERBS
        if any(
            "bundle" in (param.name or "") and param.param_type_name == "argument"
            for param in ROOT.get_command(typer.Context(ROOT), verb).params  # type: ignore[attr-defined]
        )
    }
    assert taking - {"doctor"} <= set(BUNDLE_VERBS)
