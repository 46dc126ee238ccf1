"""``edge-distil study``: killed in the middle, resumed, finished, merged; and wrong input."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import study_small
from command import Command

from edge_distil._writing import locks, storage
from edge_distil_apps.study.inputs import FULL_PASSAGE, PADDED, PAIRS, QUESTIONS, UNPADDED
from edge_distil_apps.study.plan import (
    LENGTHS,
)
from edge_distil_bench.records import (
    TIMED,
    Measurements,
    read_measurements,
    write_measurements,
)

pytestmark = pytest.mark.safety
MODELS = ("distilbert-base/fp32", "distilbert-base/int8", "bert-base/fp32", "bert-base/int8")
PATIENCE = 300  # seconds until the first unit is measured, on a busy machine
FIRST_UNIT = f"base/{QUESTIONS}/0"


@dataclass(frozen=True)
class Study:
    """A study that was killed and started again.

    Attributes:
        folder: Its output.
        command: What ran it.
        kept: The journal's figures when it was killed.
        errors: What the second start said.
        measured: The document.
    """

    folder: Path
    command: list[str]
    kept: Mapping[str, Any]
    errors: str
    measured: Measurements


@pytest.fixture(scope="module")
def study(study_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("out")
    options = ["--models", str(study_models), "--threads", "1", "--device", "a device"]
    command = [sys.executable, study_small.__file__, "study", "-o", str(folder), *options]
    kept = _killed(command, folder / "work" / "journal.json")
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    return Study(
        folder, command, kept, again.stderr, read_measurements(folder / "measurements.json")
    )


def _killed(command: list[str], journal: Path) -> dict[str, Any]:
    """Start a study, kill it when the first samples are known, and return what it had kept."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    end = time.monotonic() + PATIENCE
    while not (journal.exists() and FIRST_UNIT in journal.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept: dict[str, Any] = json.loads(journal.read_text())["figures"]
    return kept


def test_what_was_measured_before_the_kill_is_not_measured_again(study: Study) -> None:
    assert FIRST_UNIT in study.kept
    assert f"base/{PAIRS}/1" not in study.kept, "it was killed too late to show anything"
    kept = {
        (r["model"], r["copy"], r["inputs"], r["process"]): r["start_ns"]
        for name, unit in study.kept.items()
        if name.startswith("base/")
        for r in unit["runs"]
    }
    found = {(r.model, r.copy, r.inputs, r.process): list(r.start_ns) for r in study.measured.runs}
    assert kept.items() <= found.items()
    assert study.measured.created == study.kept["environment"]["created"]


def test_the_document_is_complete(study: Study) -> None:
    measured = study.measured
    assert tuple(model.id for model in measured.models) == MODELS
    ids = (QUESTIONS, FULL_PASSAGE, PADDED, UNPADDED, PAIRS)
    assert {inputs.id for inputs in measured.inputs} == set(ids)
    copies = [(model, 0) for model in MODELS] + [(MODELS[0], 1)]
    wanted = {(m, copy, i, p) for m, copy in copies for i in ids for p in (0, 1)}
    assert {(r.model, r.copy, r.inputs, r.process) for r in measured.runs} == wanted
    assert [one.model for one in measured.memory] == list(MODELS)
    assert [one.model for one in measured.cold_starts] == list(MODELS)
    lengths = {(p.model, p.tokens) for p in measured.curves if p.axis == "length"}
    assert lengths == {(model, length) for model in MODELS for length in LENGTHS}
    assert {check.name for check in measured.checks} == {"timer", "profiler", "process"}
    assert {limit.kind for limit in measured.peak_rates} == {"fp32", "int8"}
    assert measured.device == "a device"
    assert measured.readings


def test_every_model_answers_as_often_and_every_pair(study: Study) -> None:
    pairs = next(inputs for inputs in study.measured.inputs if inputs.id == PAIRS)
    for model in MODELS:
        runs = [r for r in study.measured.runs if (r.model, r.copy) == (model, 0)]
        timed = [
            (run.inputs, item)
            for run in runs
            for item, phase in zip(run.item, run.phase, strict=True)
            if phase == TIMED
        ]
        assert sum(name == QUESTIONS for name, _ in timed) == study_small.QUERIES
        assert {item for name, item in timed if name == PAIRS} == set(range(len(pairs.tokens)))


def test_models_say_what_they_are(study: Study, study_models: Path) -> None:
    for model in study.measured.models:
        file = "model.onnx" if model.variant == "fp32" else "model_quantized.onnx"
        path = study_models / model.model / "onnx" / file
        assert (model.bytes, model.sha256) == (path.stat().st_size, storage.sha256(path))
        assert model.trained == (model.model == "bert-base")
        assert model.flops is not None
    assert {one.model for one in study.measured.accuracy} == {"bert-base/fp32", "bert-base/int8"}
    notes = study.measured.protocol["notes"]
    assert any("distilbert-base: seeded random weights" in note for note in notes)
    assert "1 cold starts a model, not 20" in notes


def test_the_study_tells_the_time_and_leaves_no_work_behind(study: Study) -> None:
    assert "minutes in all; interrupt at any time, the same command goes on" in study.errors
    assert "minilm-l6-squad is not there: the study goes on without" in study.errors.replace(
        "\n", " "
    )
    names = {path.name for path in study.folder.iterdir()}
    assert names == {"measurements.json", "report.html", "summary.md", "frontier.svg"}


def test_a_finished_study_is_not_measured_again(study: Study) -> None:
    (study.folder / "report.html").unlink()
    before = (study.folder / "measurements.json").stat().st_mtime_ns
    again = subprocess.run([*study.command, "--json"], capture_output=True, text=True, check=True)
    assert "is complete: nothing is measured again" in again.stderr
    assert json.loads(again.stdout)["report"] == [str(study.folder / "report.html")]
    assert (study.folder / "report.html").is_file()
    assert (study.folder / "measurements.json").stat().st_mtime_ns == before


def test_what_a_killed_study_left_goes_and_the_users_files_stay(study: Study) -> None:
    """Killed between the document and the tidying up; the user has a file in the same folder."""
    work = study.folder / "work"
    for name in (".edge_distil.tmp", "models/bert-base"):
        (work / name).mkdir(parents=True)
        (work / name / "left").write_text("by the killed run")
    (work / "journal.json").write_text("{}")
    (work / "mine.txt").write_text("the user's")
    subprocess.run(study.command, capture_output=True, check=True)
    assert [path.name for path in work.rglob("*")] == ["mine.txt"]
    (work / "models" / "bert-base").mkdir(parents=True)  # of an earlier run with --keep-models
    subprocess.run(study.command, capture_output=True, check=True)
    (work / "models" / "bert-base").rmdir()
    (work / "models").rmdir()
    (work / "mine.txt").unlink()
    work.rmdir()


def test_one_study_at_a_time(study: Study, edge_distil: Command) -> None:
    with locks.hold(locks.beside(study.folder), study.folder):
        result = edge_distil("study", "--quick", "-o", study.folder, "--threads", "1")
    assert result.status == 1
    assert f"is writing to {study.folder}: wait" in result.err


def test_other_options_do_not_overwrite_a_finished_study(
    study: Study, edge_distil: Command
) -> None:
    result = edge_distil("study", "--quick", "-o", study.folder, "--threads", "1")
    assert result.status == 1
    assert "is of other options (small," in result.err
    assert "choose another -o, or delete it" in result.err


def test_two_devices_make_one_report(study: Study, edge_distil: Command, tmp_path: Path) -> None:
    phone = replace(study.measured, device="Phone <1>", created="2026-01-01T00:00:00+00:00")
    write_measurements(phone, tmp_path / "phone.json")
    first = study.folder / "measurements.json"
    result = edge_distil("study", "--merge", first, tmp_path / "phone.json", "-o", tmp_path / "r")
    assert result.status == 0, result.err
    assert read_measurements(tmp_path / "r" / "measurements-2-phone-1.json") == phone
    assert "Phone &lt;1&gt;" in (tmp_path / "r" / "report.html").read_text(encoding="utf-8")


def test_one_device_measured_twice_has_two_names(
    study: Study, edge_distil: Command, tmp_path: Path
) -> None:
    later = replace(study.measured, created="2030-01-01T00:00:00+00:00")
    write_measurements(later, tmp_path / "later.json")
    first = study.folder / "measurements.json"
    assert (
        edge_distil("study", "--merge", first, tmp_path / "later.json", "-o", tmp_path).status == 0
    )
    names = {read_measurements(file).device for file in tmp_path.glob("measurements-*.json")}
    assert names == {f"a device ({m.created})" for m in (study.measured, later)}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["FIRST", "FIRST"], "is the same study as"),
        (["FIRST", "no.json"], "cannot read no.json (No such file"),
        (["FIRST", "BUNDLE"], "expected 'edge-distil/measurements'"),
    ],
)
def test_what_cannot_be_merged(
    study: Study,
    study_models: Path,
    edge_distil: Command,
    tmp_path: Path,
    files: list[str],
    said: str,
) -> None:
    places = {
        "FIRST": study.folder / "measurements.json",
        "BUNDLE": study_models / "bert-base" / "edge_distil.json",
    }
    found = [places.get(name, name) for name in files]
    result = edge_distil("study", "--merge", *found, "-o", tmp_path / "r")
    assert result.status == 1
    assert said in result.err
    assert not (tmp_path / "r").exists()
