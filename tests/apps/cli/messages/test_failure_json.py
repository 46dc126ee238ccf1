"""With --json a failure is one JSON document on stdout, in every verb."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import Command

from edge_distil import errors

FAILING = {
    "export": ["export", "./nosuch", "-o", "out"],
    "quantize": ["quantize", "nosuch", "--int8"],
    "distil": ["distil", "x", "--data", "nosuch", "--layers", "1", "-o", "out"],
    "run": ["run", "nosuch", "storm"],
    "embed": ["embed", "EMBEDDING", "nosuch.txt", "-o", "out.npy"],
    "search": ["search", "nosuch", "storm"],
    "search --build": ["search", "--build", "nosuch", "-o", "out", "--bundle", "EMBEDDING"],
    "serve": ["serve", "nosuch", "--static", "out"],
    "eval": ["eval", "EMBEDDING", "--data", "nosuch.csv"],
    "bench": ["bench", "nosuch"],
    "inspect": ["inspect", "nosuch"],
    "study": ["study", "-o", "out", "--merge", "nosuch.json"],
}
WRONG = {
    "export": ["export"],
    "quantize": ["quantize", "EMBEDDING"],
    "distil": ["distil", "x"],
    "run": ["run", "EMBEDDING", "storm", "--threads", "0"],
    "embed": ["embed", "EMBEDDING", "x.txt", "-o", "x.doc"],
    "search": ["search", "x"],
    "serve": ["serve", "x", "--lan", "--host", "::"],
    "eval": ["eval", "EMBEDDING"],
    "bench": ["bench", "EMBEDDING", "--quick", "--full"],
    "inspect": ["inspect"],
    "doctor": ["doctor", "--threads", "0"],
    "study": ["study", "-o", "out", "x.json"],
}


@pytest.fixture
def here(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny / "embedding", tmp_path / "EMBEDDING")
    return tmp_path


@pytest.mark.parametrize("verb", FAILING)
def test_a_failure_is_one_document(verb: str, here: Path, edge_distil: Command) -> None:
    plain = edge_distil(*FAILING[verb])
    done = edge_distil(*FAILING[verb], "--json")
    assert (plain.status, done.status) == (1, 1)
    assert plain.out == ""
    assert plain.err.splitlines()[-1] == done.err.splitlines()[-1]  # the line stays on stderr
    document = json.loads(done.out)
    assert list(document) == ["error"]
    error = document["error"]
    assert list(error) == ["type", "message", "remedy"]
    assert issubclass(getattr(errors, error["type"]), errors.EdgeDistilError)
    line = done.err.splitlines()[-1]
    assert error["message"] in line
    assert error["remedy"]
    assert line.endswith(error["remedy"])


@pytest.mark.parametrize("verb", WRONG)
def test_so_is_wrong_usage(verb: str, here: Path, edge_distil: Command) -> None:
    done = edge_distil(*WRONG[verb], "--json")
    assert done.status == 2
    error = json.loads(done.out)["error"]
    assert error["type"] == "UsageError"
    assert error["message"]
    assert error["remedy"]


def test_after_a_result_no_second_document_follows(here: Path, edge_distil: Command) -> None:
    """`doctor` prints what it found, and ends with 1."""
    done = edge_distil("doctor", "nosuch", "--json")
    assert done.status == 1
    assert json.loads(done.out)["checks"][0]["ok"] is False


def test_without_json_stdout_stays_empty(here: Path, edge_distil: Command) -> None:
    assert edge_distil("run", "nosuch", "--", "--json").out == ""
