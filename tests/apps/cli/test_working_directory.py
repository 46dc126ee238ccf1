"""Nothing of the working directory runs, whatever it is named, in us or in a process of ours."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import study_small

pytestmark = pytest.mark.safety
REPOSITORY = Path(__file__).parents[3]
PRODUCT = ("edge_distil", "export", "quantize", "apps")
SCRIPT = Path(sys.executable).with_name("edge-distil")
COMMAND = (SCRIPT,) if SCRIPT.is_file() else (sys.executable, "-P", "-m", "edge_distil_apps.cli")
AS_MODULE = (sys.executable, "-m", "edge_distil_apps.cli")
# Imported by packages that we use, not by ours.
OTHERS = {"coloredlogs", "flatbuffers", "google", "packaging", "sympy", "yaml", "requests", "numpy"}
HOSTILE = 'open(__file__ + ".ran", "w").close()\nraise ImportError(__file__)\n'


def imported() -> set[str]:
    """The names of all modules, but Python's own built-in ones, that our code may import."""
    names: set[str] = {"edge_distil", *OTHERS, *sys.stdlib_module_names}
    for file in (file for folder in PRODUCT for file in (REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.partition(".")[0])
    return names


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder that holds a module of each name."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in imported():
        (folder / f"{name}.py").write_text(HOSTILE, encoding="utf-8")
    return folder


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command there; what ran of the folder is told beside what it said."""
    done = subprocess.run(
        list(map(str, command)), cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert [file.name for file in folder.glob("*.ran")] == []
    return done


def verbs(tiny: Path, checkpoint: Path, out: Path) -> dict[str, list[list[str | Path]]]:
    """Each verb with what makes it start processes and import what it can."""
    texts, docs, index = out / "texts.txt", out / "docs", out / "index"
    docs.mkdir()
    (docs / "a.md").write_text("# Tide\n\nThe storm lamp.\n")
    texts.write_text("storm\nlamp\n")
    (out / "data.tsv").write_text("storm\tgood\n")
    bundle = out / "bundle"
    return {
        "export": [["export", checkpoint, "-o", bundle, "--int8", "--ort", "--no-calibration"]],
        "quantize": [["quantize", shutil.copytree(tiny / "fill_mask", out / "copy"), "--int4"]],
        "run": [["run", tiny / "embedding", "storm", "lamp"]],
        "embed": [["embed", tiny / "embedding", texts, "-o", out / "vectors.parquet"]],
        "inspect": [["inspect", tiny / "embedding"]],
        "doctor": [["doctor", tiny / "text_classification", "--no-speed"]],
        "search": [
            ["search", "--build", docs, "-o", index, "--bundle", tiny / "embedding"],
            ["search", index, "lamp"],
        ],
        "bench": [["bench", tiny / "text_classification", "--variant", "fp32", "--quick",
                   "--queries", "2", "--seconds", "0", "--work", out]],
        "help": [["--help"]],
    }  # fmt: skip


VERBS = ("export", "quantize", "run", "embed", "inspect", "doctor", "search", "bench", "help")


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_runs_what_lies_in_the_working_directory(
    verb: str, hostile: Path, tiny: Path, study_models: Path, tmp_path: Path
) -> None:
    checkpoint = study_models.parent / "checkpoints" / "distilbert-base"
    for arguments in verbs(tiny, checkpoint, tmp_path)[verb]:
        done = run([*COMMAND, *arguments], hostile)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_study_runs_nothing_of_it(hostile: Path, study_models: Path, tmp_path: Path) -> None:
    options = ["study", "-o", tmp_path / "out", "--models", study_models, "--threads", "1"]
    done = run([sys.executable, study_small.__file__, *options], hostile)
    assert done.returncode == 0, done.stderr


CALLS = ("_run(['-m', 'json.tool', '-h'])", "_export(A, Path(B), calibrate=False)")


@pytest.mark.parametrize("call", [CALLS[0], pytest.param(CALLS[1], marks=pytest.mark.slow)])
def test_what_a_study_starts_to_make_models_runs_nothing_of_it(
    call: str, hostile: Path, study_models: Path, tmp_path: Path
) -> None:
    checkpoint = study_models.parent / "checkpoints" / "distilbert-base"
    script = (
        "import sys; from pathlib import Path\n"
        "from edge_distil_apps.study.models import _export, _run\n"
        f"A, B = {str(checkpoint)!r}, {str(tmp_path / 'made')!r}\n{call}"
    )
    done = run([sys.executable, "-P", "-c", script], hostile)
    assert done.returncode == 0, done.stderr


def test_as_a_module_too(hostile: Path, tiny: Path) -> None:
    """What `python -m` needs to find a package it looks for there, and so the package itself."""
    list_its_own = [sys.executable, "-P", "-c", "import runpy, sys; print(*sys.modules)"]
    its_own = subprocess.run(list_its_own, capture_output=True, text=True, check=True).stdout
    for name in ("edge_distil_apps", *its_own.split()):
        (hostile / f"{name}.py").unlink(missing_ok=True)
    assert (hostile / "numpy.py").exists()
    done = run([*AS_MODULE, "run", tiny / "embedding", "storm", "--json"], hostile)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["items"][0]["results"][0]["vector"]) == 16


@pytest.mark.slow
def test_a_peer_runs_nothing_of_it(hostile: Path, study_models: Path, tmp_path: Path) -> None:
    checkpoint = study_models.parent / "checkpoints" / "distilbert-base"
    bench = ["bench", study_models / "distilbert-base", "--checkpoint", checkpoint]
    bench += ["--queries", "2", "--variant", "fp32", "--against", "torch:fp32"]
    bench += ["--seconds", "0", "--threads", "1", "--untrained", "--work", tmp_path]
    done = run([*COMMAND, *bench], hostile)
    assert done.returncode == 0, done.stderr


def test_workers_of_ray_run_nothing_of_it(hostile: Path, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("storm\n" * 2000)
    embed = ["embed", tiny / "embedding", tmp_path / "texts.txt", "-o", tmp_path / "v.npy"]
    done = run([*COMMAND, *embed, "--engine", "ray", "--workers", "1"], hostile)
    assert done.returncode == 0, done.stderr


def test_python_is_started_in_one_way() -> None:
    """`interpreter.python` alone begins a command with our interpreter."""
    files = [file for folder in PRODUCT for file in (REPOSITORY / folder).rglob("*.py")]
    command = re.compile(r"[\[(]\s*sys\.executable\s*,")
    starting = {file.name for file in files if command.search(file.read_text(encoding="utf-8"))}
    assert starting == {"interpreter.py"}
