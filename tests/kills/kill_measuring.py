"""The cases of `bench` and `study`: the verbs themselves, with a plan of seconds."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from kill_everywhere import Case

from edge_distil_apps.study.architectures import BERT, DISTILBERT
from edge_distil_apps.study.inputs import QUESTIONS
from edge_distil_apps.study.plan import Checks, Curves, Group, Plan
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.records import SCHEMA, read_measurements

_TINY = Path(__file__).parents[1] / "golden" / "tiny" / "text_classification"
_LEAST = Protocol("least", processes=2, warmup_runs=1, warmup_seconds=0.0, turn=1, cold_starts=1)


def bench(*arguments: str) -> None:
    """Be ``edge-distil bench``, with the least that can be measured."""
    from edge_distil_apps import cli
    from edge_distil_apps.cli.flow import benching

    benching._USUAL = _LEAST
    sys.argv = ["edge-distil", "bench", *arguments]
    cli.main()


def study(*arguments: str) -> None:
    """Be ``edge-distil study``, with the least that can be measured."""
    from edge_distil_apps import cli
    from edge_distil_apps.study import run

    run.make_plan = _least_plan
    sys.argv = ["edge-distil", "study", *arguments]
    cli.main()


_OLD = f'{{"schema": "{SCHEMA}"}}'


def _least_plan(*, quick: bool, threads: int, pairs: int) -> Plan:
    efforts = {QUESTIONS: Effort(1)}
    group = Group("base", (DISTILBERT.name, BERT.name), threads, efforts, copied=True)
    curves, checks = Curves((), 1, 0.001), Checks(1, 0.001, 1)
    return Plan(_LEAST, (group,), curves, checks, (threads,), peak_rates=0.001, scored=1)


def make_materials(folder: Path) -> None:
    """Make the bundles ``study/models``, of the variant fp32 alone."""
    from study_models import make_models

    make_models(folder / "study", int8=False)


def _benched(folder: Path, materials: Path) -> None:
    """An older document at the output, which is replaced."""
    shutil.copytree(_TINY, folder / "bundle")
    (folder / "texts.txt").write_text("storm\nlamp\n")
    (folder / "bench.json").write_text(_OLD)


def _models(folder: Path, materials: Path) -> None:
    shutil.copytree(materials / "study" / "models", folder / "models")


def _document(path: Path) -> str:
    """Which document of measurements is there, whole."""
    if not path.exists():
        return "nothing"
    if path.read_text(encoding="utf-8") == _OLD:
        return "old"
    return "new" if read_measurements(path).runs else "empty"


def _one_document(folder: Path) -> str:
    found = _document(folder / "bench.json")
    assert found in ("old", "new"), "the output is gone"
    return found


_BENCH = (
    *("kill_measuring:bench", "bundle", "--variant", "fp32", "--texts", "texts.txt"),
    *("--queries", "2", "--seconds", "0", "--threads", "1", "--work", "cache"),
    *("-o", "bench.json", "--force"),
)
_STUDY = (
    *("kill_measuring:study", "--models", "models", "--threads", "1", "--device", "d"),
    *("-o", "out"),
)
CASES = (
    Case(
        "bench -o over a file",
        _BENCH,
        _benched,
        _one_document,
        measured=frozenset({"bench.json"}),
        long=True,
    ),
    Case(
        "study",
        _STUDY,
        _models,
        lambda folder: _document(folder / "out" / "measurements.json"),
        measured=frozenset({"measurements.json", "report.html", "summary.md", "frontier.svg"}),
        long=True,
    ),
)
