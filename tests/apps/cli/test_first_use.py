"""What a command does not need, it does not import: it would take as long as the work itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import Command

import edge_distil
from edge_distil_apps.cli.verbs import _LINES

HEAVY = {"numpy", "onnxruntime", "torch", "transformers", "pyarrow", "ray", "starlette"}
# Of the command, and of the processes that it starts: each writes what it has imported.
SPY = """
import atexit, os, sys
def tell():
    with open(os.environ["IMPORTED"], "a") as file:
        file.write(" ".join(sys.modules) + "\\n")
atexit.register(tell)
"""
OPENED = """
import sys
from edge_distil._reading.untrusted import main
main()
print(*sys.modules)
"""


def imported(folder: Path, *arguments: str | Path) -> list[set[str]]:
    """The modules of each process that a command takes."""
    (folder / "sitecustomize.py").write_text(SPY)
    told = folder / "told"
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    subprocess.run(
        [sys.executable, "-P", "-m", "edge_distil_apps.cli", *arguments],
        env={**os.environ, "PYTHONPATH": path, "IMPORTED": str(told)},
        capture_output=True, check=True,
    )  # fmt: skip
    return [set(line.split()) for line in told.read_text().splitlines()]


def test_the_version_needs_nothing(tmp_path: Path) -> None:
    [modules] = imported(tmp_path, "--version")
    assert "edge_distil_apps" in modules
    assert not modules & (HEAVY | {"typer", "rich", "tokenizers", "pydantic"})


def test_the_list_of_verbs_needs_none_of_them(tmp_path: Path) -> None:
    [modules] = imported(tmp_path, "--help")
    assert "typer" in modules
    others = {"rich", "tokenizers", "edge_distil_bench", "edge_distil_export"}
    assert not modules & (HEAVY | others)


@pytest.mark.parametrize("verb", [*_LINES, "help"])
def test_help_on_a_verb_needs_nothing_of_its_work(verb: str, tmp_path: Path) -> None:
    [modules] = imported(tmp_path, verb, "--help")
    assert "typer" in modules
    assert not modules & (HEAVY | {"rich.console", "tokenizers", "pydantic"})


def test_a_manifest_is_read_without_numbers(tiny: Path, tmp_path: Path) -> None:
    """Neither by `inspect` nor in the process that reads a bundle on trial."""
    [modules] = imported(tmp_path, "inspect", tiny / "embedding")
    assert not modules & (HEAVY | {"pydantic", "rich.console"})
    wanted = {"path": str(tiny / "embedding"), "variant": None, "engine": None, "run": False}
    child = subprocess.run(
        [sys.executable, "-P", "-c", OPENED],
        input=json.dumps({**wanted, "seconds": 60, "memory": 1 << 33}),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    said, modules_there = child.stdout.splitlines()
    assert json.loads(said) == {}
    assert not set(modules_there.split()) & HEAVY


def test_a_model_runs_without_those_that_make_and_measure_it(tiny: Path, tmp_path: Path) -> None:
    [modules] = imported(tmp_path, "run", tiny / "text_classification", "storm")
    assert {"numpy", "onnxruntime"} <= modules
    others = {"edge_distil_bench", "edge_distil_export", "edge_distil_quantize", "sqlite3"}
    others |= {"pydantic", "edge_distil.evaluate", "edge_distil._reading.foreign_tokenizer"}
    assert not modules & (others | HEAVY - {"numpy", "onnxruntime"})


def test_what_is_no_number_is_refused_as_ever(tiny: Path, edge_distil: Command) -> None:
    for value in ("many", "0", "1.5"):
        done = edge_distil("run", tiny / "text_classification", "storm", "--top-k", value)
        assert done.status == 2
        assert "--top-k" in done.err
    done = edge_distil("run", tiny / "text_classification", "storm", "--top-k", "2", "--json")
    assert len(json.loads(done.out)["items"][0]["results"]) == 2


def test_public_names_are_there_when_they_are_asked_for() -> None:
    code = """
import sys, edge_distil as ed
assert "numpy" not in sys.modules
assert set(ed.__all__) <= set(dir(ed))
print(*(getattr(ed, name).__name__ for name in ed.__all__ if not name.startswith("__")))
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [
        name if name != "errors" else "edge_distil.errors"
        for name in edge_distil.__all__ if not name.startswith("__")
    ]  # fmt: skip
    with pytest.raises(AttributeError, match="no attribute 'lod'"):
        edge_distil.lod  # noqa: B018


def test_ctrl_c_while_a_verb_is_imported_is_one_line(tiny: Path) -> None:
    """The signal comes in the middle of an import: sent by the import itself."""
    script = """
import builtins, os, signal, sys
from edge_distil_apps.cli import main
def stop(name, *rest, known=builtins.__import__):
    if name == "edge_distil.session": os.kill(os.getpid(), signal.SIGINT)
    return known(name, *rest)
builtins.__import__ = stop
main()
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "run", tiny / "embedding", "storm"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error: interrupted; nothing was written\n"
