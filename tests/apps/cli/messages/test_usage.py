"""What is typed wrongly ends with status 2, before any work and before torch is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import Command

from edge_distil import hardware
from edge_distil_apps.search import MODES
from edge_distil_distil.recipe import ARCHITECTURES, PRECISIONS
from edge_distil_quantize.calibration.static_ranges import METHODS

STUDENT = ["distil", "x", "--data", "x", "--layers", "1", "-o", "s"]
MANY = str(50 * hardware.available_cores())
WRONG = {
    "threads": ["run", "EMBEDDING", "storm", "--threads", "0"],
    "threads of doctor": ["doctor", "EMBEDDING", "--threads", "-1"],
    "many threads": ["run", "EMBEDDING", "storm", "--threads", MANY],
    "variant": ["run", "EMBEDDING", "storm", "--variant", "int9"],
    "variant of eval": ["eval", "EMBEDDING", "--data", "x.csv", "--variant", "int9"],
    "variant of bench": ["bench", "EMBEDDING", "--variant", "int9"],
    "precision": ["embed", "EMBEDDING", "x.txt", "-o", "x.npy", "--precision", "foo"],
    "engine": ["embed", "EMBEDDING", "x.txt", "-o", "x.npy", "--engine", "foo"],
    "engine of run": ["run", "EMBEDDING", "storm", "--engine", "openvino:int8"],
    "task": ["export", "x", "-o", "out", "--task", "foo"],
    "opset": ["export", "x", "-o", "out", "--opset", "99"],
    "atol": ["export", "x", "-o", "out", "--atol", "-1"],
    "target": ["export", "x", "-o", "out", "--coreml-target", "iOS3"],
    "method": ["quantize", "EMBEDDING", "--int8-static", "--static-method", "foo"],
    "mode": ["search", "index", "storm", "--mode", "foo"],
    "peer": ["bench", "EMBEDDING", "--against", "foo"],
    "a bundle twice": ["serve", "EMBEDDING", "EMBEDDING"],
    "a model twice": ["bench", "EMBEDDING", "EMBEDDING"],
    "two prompts": ["embed", "EMBEDDING", "x", "-o", "x.npy", "--prompt=a", "--prompt-name=b"],
    "nothing to merge": ["study", "--merge", "-o", "x"],
    "an option twice": ["run", "EMBEDDING", "a", "--variant", "int8", "--variant", "fp32"],
    "task of a student": [*STUDENT, "--task", "no"],
    "precision of it": [*STUDENT, "--precision", "x"],
    "its class": [*STUDENT, "--architecture", "x"],
    "temperature": [*STUDENT, "--temperature", "0"],
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_typed_wrongly_ends_with_2(case: str, edge_distil: Command, tiny: Path) -> None:
    words = [str(tiny / "embedding") if word == "EMBEDDING" else word for word in WRONG[case]]
    done = edge_distil(*words)
    assert (done.status, done.out) == (2, "")
    said = " ".join(done.err.replace("│", " ").split())
    assert any(word in said for word in ("expected", "not one of", "should be", "only"))
    assert "Value error" not in said


def test_more_threads_than_cores_are_warned_of(edge_distil: Command, tiny: Path) -> None:
    count = hardware.available_cores() + 1
    done = edge_distil("run", tiny / "embedding", "storm", "--threads", str(count))
    assert done.status == 0
    assert f"warning: {count} threads share" in done.err


@pytest.mark.parametrize(
    "words",
    [
        ["export", "CHECKPOINT", "-o", "out", "--task", "foo"],
        ["export", "./nosuch", "-o", "out"],
        ["distil", "CHECKPOINT", "--data", "nosuch.json", "--layers", "1", "-o", "out"],
    ],
)
def test_it_is_found_before_torch_is_imported(
    words: list[str], embedded_checkpoint: Path, tmp_path: Path
) -> None:
    script = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('torch' in sys.modules))\n"
        "from edge_distil_apps.cli import main\n"
        "main()"
    )
    words = [str(embedded_checkpoint) if word == "CHECKPOINT" else word for word in words]
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *words],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert done.stdout == "False\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        (["search", "i", "q", "--mode", "foo"], MODES),
        (["quantize", "b", "--int8-static", "--static-method", "foo"], METHODS),
        (
            [*STUDENT, "--precision", "x"],
            PRECISIONS,
        ),
        (
            [*STUDENT, "--architecture", "x"],
            ARCHITECTURES,
        ),
    ],
)
def test_the_words_offered_are_those_of_the_code(
    words: list[str], choices: tuple[str, ...], edge_distil: Command
) -> None:
    """The verbs name them without importing what takes them."""
    said = " ".join(edge_distil(*words).err.replace("│", " ").split())
    assert f"is not one of {', '.join(choices)}" in said
