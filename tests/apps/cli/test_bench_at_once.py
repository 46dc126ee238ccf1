"""Two commands that measure, at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TINY = Path(__file__).parents[2] / "golden" / "tiny"


@pytest.mark.safety
@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_two_of_one_command_at_once(tmp_path: Path, rounds: int) -> None:
    """One is told of the other, or they come one after another; neither leaves a file."""
    words = ["bench", TINY / "text_classification", "--variant", "fp32", "--queries", "2"]
    words += ["--seconds", "0", "--processes", "2", "--threads", "1", "--work", tmp_path]
    command = [sys.executable, "-m", "edge_distil_apps.cli", *map(str, words)]
    for _ in range(rounds):
        both = [
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = "".join(process.communicate()[1] for process in both)
        statuses = sorted(process.returncode for process in both)
        assert statuses in ([0, 0], [0, 1]), said
        assert statuses[1] == said.count("is writing to")
        assert "Traceback" not in said
        assert list(tmp_path.iterdir()) == []
