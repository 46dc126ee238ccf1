"""The document of measurements: one that is none, or is cut or of another release, is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge_distil.errors import DataError, StorageError
from edge_distil_bench.machine.environment import record_environment
from edge_distil_bench.records import (
    SCHEMA,
    SCHEMA_VERSION,
    Measurements,
    Memory,
    Reading,
    read_measurements,
    write_measurements,
)

FOUND = Measurements(
    device="a café's till",
    created="2026-11-21T12:00:00+00:00",
    protocol={"name": "quick", "processes": 2},
    environment={"cgroup_cores": None},
    memory=(Memory("tiny/fp32", "questions", 1, None, 2, 3, 4),),
    readings=(Reading(5, megahertz=2596.13),),
)


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    write_measurements(FOUND, path := tmp_path / "new" / "measurements.json")
    raw = json.loads(path.read_text(encoding="utf-8"))
    assert (raw["schema"], raw["schema_version"]) == (SCHEMA, SCHEMA_VERSION)
    assert raw["device"] == "a café's till"
    assert raw["memory"][0]["baseline"] is None
    assert raw["readings"][0] == {
        "at_ns": 5, "megahertz": 2596.13, "celsius": None, "joules": None, "load": None,
    }  # fmt: skip
    assert read_measurements(path) == FOUND


def test_a_measured_environment_is_the_same_after_reading(tmp_path: Path) -> None:
    found = Measurements("d", "c", {}, record_environment(1))
    write_measurements(found, tmp_path / "m.json")
    again = read_measurements(tmp_path / "m.json").environment
    assert again == found.environment


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other/results"}, "has the schema 'other/results', expected 'edge-distil"),
        ({"schema_version": 99}, "has schema_version 99, this release reads 1 and 2"),
        ({"memory": [{"model": "tiny/fp32"}]}, "is not a valid document"),
        ({"readings": None}, "is not a valid document"),
    ],
)
def test_another_document_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_measurements(FOUND, path := tmp_path / "m.json")
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}))
    with pytest.raises(DataError, match=message):
        read_measurements(path)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "edge-distil/meas', "\x89PNG"])
def test_no_document_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.json").write_text(text)
    with pytest.raises(DataError, match=r"give a measurements\.json"):
        read_measurements(tmp_path / "m.json")
    with pytest.raises(DataError, match="cannot read"):
        read_measurements(tmp_path / "absent.json")


def test_version_1_is_read(tmp_path: Path) -> None:
    """The iOS application writes it, and so did this package before processor time was taken."""
    write_measurements(FOUND, path := tmp_path / "m.json")
    raw = json.loads(path.read_text(encoding="utf-8"))
    run = {
        "model": "a", "copy": 0, "inputs": "q", "threads": 1, "process": 0, "phase": ["timed"],
        "block": [0], "item": [0], "start_ns": [1], "stage_ns": {}, "total_ns": [2],
    }  # fmt: skip
    rate = {"kind": "fp32", "source": "numpy", "threads": 1, "size": [1, 2, 3], "operations": [4.0]}
    del raw["peak_rates"]
    path.write_text(json.dumps({**raw, "schema_version": 1, "limits": [rate], "runs": [run]}))
    found = read_measurements(path)
    assert found.peak_rates[0].operations == (4.0,)
    assert (found.runs[0].cpu_ns, found.runs[0].host) == ((), None)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="a parent of the path is a file"):
        write_measurements(FOUND, tmp_path / "file" / "m.json")
