"""`--help`, as it is read on a terminal of 80 columns."""

from __future__ import annotations

import re

import pytest
import typer
from command import Command

from edge_distil_apps.cli.flow import benching
from edge_distil_apps.cli.verbs import _LINES, app
from edge_distil_bench.protocol.design import FULL_HEADLINE

VERBS = (
    "export", "quantize", "run", "embed", "search", "serve", "eval", "bench", "inspect", "doctor",
    "study", "distil",
)  # fmt: skip
# Verbs whose options stand in panels of one subject; the others have few.
IN_PANELS = {
    "export": ["Output", "Checkpoint", "Graph", "Variants", "Accuracy", "Core ML"],
    "distil": ["Output", "What to learn", "Student", "Which one", "Training", "Model"],
    "quantize": ["Variants", "Accuracy", "Output"],
    "embed": ["Output", "Texts", "Vectors", "Work", "Model"],
    "serve": ["Where", "Output"],
    "search": ["Build", "Search", "Model", "Output"],
}


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def sections(text: str) -> dict[str, list[str]]:
    """Title -> its lines, of what stands below the words on what a verb is about."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if title := re.fullmatch(r"(\S.*):", line):
            found[title[1]] = []
        elif found and line:
            next(reversed(found.values())).append(line)
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_takes_one_line(verb: str, edge_distil: Command) -> None:
    """So a row begins with its name: nothing is a continuation of the row above."""
    done = edge_distil(verb, "--help")
    assert done.status == 0
    assert max(map(len, done.out.splitlines())) <= 80
    for title, rows in sections(done.out).items():
        assert all(re.match(r"  \S", row) for row in rows), f"{verb}, {title}: {rows}"


@pytest.mark.parametrize("verb", _LINES)
@pytest.mark.parametrize("width", [20, 40, 71, 72, 80])
def test_no_name_of_an_option_is_cut(
    verb: str, width: int, edge_distil: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = edge_distil(verb, "--help").out
    words = set(re.split(r"[\s,]+", out))
    root = typer.main.get_command(app)
    command = root.get_command(typer.Context(root), verb)  # type: ignore[attr-defined]
    options = [p for p in command.params if p.param_type_name == "option"]
    assert {name for option in options for name in option.opts} <= words
    assert width < 40 or max(map(len, out.splitlines())) <= width


@pytest.mark.parametrize("verb", IN_PANELS)
def test_options_of_one_subject_stand_together(verb: str, edge_distil: Command) -> None:
    panels = sections(edge_distil(verb, "--help").out)
    assert [title for title in panels if title not in ("Arguments", "Options")] == [
        next(title for title in panels if title.startswith(wanted)) for wanted in IN_PANELS[verb]
    ]


def test_core_ml_has_a_panel_of_its_own(edge_distil: Command) -> None:
    panels = sections(edge_distil("export", "--help").out)
    [own] = [rows for title, rows in panels.items() if title.startswith("Core ML")]
    assert sum(row.startswith("  --coreml") for row in own) == 6
    assert sum("--coreml" in row for rows in panels.values() for row in rows if rows != own) == 0


def test_the_root_has_an_example_and_panels(edge_distil: Command) -> None:
    out = edge_distil("--help").out
    assert "edge-distil export" in out
    found = sections(out)
    assert set(VERBS) <= {row.split()[0] for rows in found.values() for row in rows}
    assert list(found)[1:] == [
        "Make a model smaller", "Make a bundle", "Use it", "Judge it", "Help",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_verb_says_what_the_flag_says(verb: str, edge_distil: Command) -> None:
    asked = edge_distil("help", verb) if verb else edge_distil("help")
    flagged = edge_distil(verb, "--help") if verb else edge_distil("--help")
    assert asked.status == 0
    assert asked.out.strip() == flagged.out.strip()
    assert asked.out.strip()


def test_a_verb_that_is_not_there(edge_distil: Command) -> None:
    done = edge_distil("help", "exprot")
    assert done.status == 2
    assert "exprot" in done.err
    assert "export" in done.err


def test_bench_names_the_numbers_of_its_code(edge_distil: Command) -> None:
    out = edge_distil("bench", "--help").out
    assert f"{benching._QUICK_EFFORT.queries} queries a model" in out
    assert f"{FULL_HEADLINE.queries:,} queries and {FULL_HEADLINE.seconds:.0f} s a model" in out
