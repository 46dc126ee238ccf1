"""Tables on terminals of several widths: nothing is cut, whatever the width."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command

from edge_distil_apps.cli import console

TINY = Path(__file__).parents[2] / "golden" / "tiny"
BUNDLE = TINY / "embedding"


def show(*words: str | Path, **variables: str) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "edge_distil_apps.cli", *map(str, words)],
        env={**environment, **variables}, capture_output=True, check=True, encoding="utf-8",
    )  # fmt: skip
    return done.stdout


@pytest.mark.parametrize("columns", ["20", "40", "80", "120"])
def test_names_of_files_are_whole(columns: str) -> None:
    manifest = json.loads((BUNDLE / "edge_distil.json").read_text())
    out = show("inspect", BUNDLE, COLUMNS=columns)
    assert "…" not in out
    for name, variant in manifest["variants"].items():
        assert name in out
        assert variant["file"]["path"] in out
    for record in manifest["files"]:
        assert record["path"] in out


def test_what_an_app_needs_is_broken_between_words_alone() -> None:
    """A terminal would cut a name where its own line ends."""
    lines = show("inspect", BUNDLE, COLUMNS="40").splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("files that an app needs"))
    assert all(len(line) <= 40 for line in lines[start:])
    names = " ".join(lines[start:]).replace(",", " ").replace(":", " ").split()
    manifest = json.loads((BUNDLE / "edge_distil.json").read_text())
    assert {record["path"] for record in manifest["files"]} <= set(names)


def test_a_wide_terminal_has_a_row_a_variant_and_a_narrow_one_a_block() -> None:
    wide = show("inspect", BUNDLE, COLUMNS="120").splitlines()
    assert any("int8" in line and "onnx/model_quantized.onnx" in line for line in wide)
    narrow = show("inspect", BUNDLE, COLUMNS="40").splitlines()
    start = narrow.index("int8")
    assert narrow[start + 1].split() == ["file", "onnx/model_quantized.onnx"]
    assert all(len(line) <= 40 for line in narrow[start : start + 5])


def test_a_pipe_takes_lines_of_any_length() -> None:
    """No width is known there, and what reads it looks for rows."""
    assert show("inspect", BUNDLE) == show("inspect", BUNDLE, COLUMNS="500")


def test_figures_have_units(edge_distil: Command, tmp_path: Path) -> None:
    data = tmp_path / "data.tsv"
    data.write_text("storm\tx\nlamp\ty\n")
    labels = json.loads((TINY / "text_classification" / "edge_distil.json").read_text())["labels"]
    data.write_text("".join(f"storm\t{label}\n" for label in labels))
    out = edge_distil("eval", TINY / "text_classification", "--data", data).out
    assert "accuracy %" in out


@pytest.mark.parametrize(
    ("value", "shown"), [(1.0, "1.0000"), (0.99996, "> 0.9999"), (0.99994, "0.9999")]
)
def test_a_cosine_is_1_only_where_it_is(value: float, shown: str) -> None:
    assert console.cosine(value) == shown
