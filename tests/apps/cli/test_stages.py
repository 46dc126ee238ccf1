"""Progress of long verbs: one bar with the time left, in a pipe a line a stage; no node's name."""

from __future__ import annotations

import os
import re
import shutil
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from command import Command, on_a_terminal

from edge_distil.progress import Stage
from edge_distil_apps.cli.flags.variants import Settings, plan
from edge_distil_apps.cli.flow import stages
from edge_distil_apps.cli.flow.stages import EXPORT, Pace

pytestmark = pytest.mark.wide

PROGRAM = [sys.executable, "-P", "-m", "edge_distil_apps.cli"]
STAGES = ("quantizing", "calibrating", "rounding", "comparing", "fusing", "converting")
NODE = re.compile(r"node_|/[A-Z]\w+_\d+|MatMul")


def settings(
    *recipes: str, ort: bool = False, fused: bool = False, report: bool = False
) -> Settings:
    return Settings(
        recipes, ort, fused, static_method="minmax", data=None, calibrate=True, max_drop=None,
        report=report,
    )  # fmt: skip


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny / "text_classification", tmp_path / "bundle"))


def shown_by(*arguments: str | Path) -> str:
    """Run a verb on a terminal of 100 columns; return what is shown there."""
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    return on_a_terminal([*PROGRAM, *map(str, arguments)], env=environment)


def bars(shown: str) -> set[str]:
    """The lines that stand at the end, without what was written over."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    return {line.rpartition("\r")[2].strip() for line in plain.split("\n") if "━" in line}


def test_a_pipe_gets_a_line_a_stage(copy: Path, edge_distil: Command) -> None:
    done = edge_distil("quantize", copy, "--int8", "--force")
    assert done.status == 0
    lines = done.err.splitlines()
    assert [line.split()[0] for line in lines] == [
        "quantizing",
        "calibrating",
        "rounding",
        "comparing",
    ]
    assert not NODE.search(done.err)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_gets_one_bar(copy: Path) -> None:
    shown = shown_by("quantize", copy, "--int8", "--ort", "--force")
    assert len(bars(shown)) == 1
    assert "left" in shown
    assert "rounding weights" in shown
    assert not NODE.search(shown)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_doctor_and_eval_have_one_bar(copy: Path, tmp_path: Path) -> None:
    shown = shown_by("doctor", copy, "--no-speed")
    assert len(bars(shown)) == 1
    assert "checking" in shown
    data = tmp_path / "data.tsv"
    data.write_text("storm\tgood\na charming film\tbad\n" * 100)
    assert len(bars(shown_by("eval", copy, "--data", data))) == 1


def test_each_line_is_a_stage_of_the_plan(copy: Path) -> None:
    """In the plan's order: else the bar would stand still."""
    from edge_distil_quantize import (
        convert_to_ort,
        describe_sensitivity,
        fuse_variant,
        quantize_bundle,
    )

    for recipe in ("int8", "int8-static", "weights-only", "fp16", "int4"):
        said: list[str] = []
        quantize_bundle(copy, recipe, progress=said.append)
        fused = recipe == "int8"
        if fused:
            fuse_variant(copy, recipe, progress=said.append)
        convert_to_ort(copy, recipe, progress=said.append)
        assert follows(said, plan(settings(recipe, ort=True, fused=fused)))
    said = []
    describe_sensitivity(copy, progress=said.append)
    assert follows(said, stages.REPORT)


@pytest.mark.parametrize(
    "flags",
    [("--int8", "--fused"), ("--fused",), ("--ort",), ("--int8", "--fp16", "--fused", "--ort")],
)
def test_what_stays_as_it_is_is_no_stage(
    flags: tuple[str, ...], copy: Path, edge_distil: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[str] = []
    watched = stages.watched

    def noted(plan: stages.Plan) -> AbstractContextManager[stages.Say]:
        planned.extend(name for name, _ in plan)
        return watched(plan)

    monkeypatch.setattr(stages, "watched", noted)
    done = edge_distil("quantize", copy, *flags)  # int8 is there
    assert done.status == 0, done.err
    said = [line.split()[0] for line in done.err.splitlines()]
    assert [word for word in said if word in STAGES] == planned


def follows(said: list[str], known: stages.Plan) -> bool:
    at, pace = -1.0, Pace(known, 0.0)
    for now, line in enumerate(said, 1):
        if line.startswith("warning"):
            continue
        known_line = any(line.startswith(name) for name, _ in known)
        pace.enter(line, float(now))
        if not known_line or pace.share(float(now)) < at:
            return False
        at = pace.share(float(now))
    return True


def test_time_left_follows_what_was_counted() -> None:
    pace = Pace([("a", 1.0), ("b", 1.0), ("c", 2.0)], now=100.0)
    assert pace.left(100.0) is None
    pace.enter("a", 100.0)
    pace.enter(Stage("b", 0, 10), 110.0)
    assert pace.left(110.0) == pytest.approx(30.0)
    pace.enter(Stage("b", 5, 10), 120.0)  # twice as slow as the plan has it
    assert pace.left(120.0) == pytest.approx(20.0 * (1 - 0.375) / 0.375)
    pace.enter("no stage of the plan", 121.0)
    pace.enter("c", 130.0)
    assert pace.share(130.0) == pytest.approx(0.5)
    assert pace.share(1e6) < 1.0


def test_a_pipe_hears_of_a_long_stage_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    lines = stages._Lines(Pace([("a", 1.0)], 0.0))
    for second in range(0, 100, 10):
        lines.say(Stage("a", second, 100), float(second))
    assert len(capsys.readouterr().err.splitlines()) == 4  # at 0, 30, 60 and 90 s


def test_the_stages_of_an_export_are_those_it_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tiny as tiny_checkpoints

    from edge_distil_export import export_bundle

    tiny_checkpoints.save_checkpoint(tmp_path / "new", "distilbert", "text-classification")
    said: list[str] = []
    export_bundle(tmp_path / "new", tmp_path / "out", progress=said.append)
    assert follows(said, EXPORT)
    assert [name for name, _ in EXPORT] == [
        next(name for name, _ in EXPORT if line.startswith(name)) for line in said
    ]
