"""Whole commands, measured in fresh processes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from edge_distil.errors import BenchmarkError
from edge_distil_bench.protocol.commands import measure_command


def test_the_peak_is_the_commands_own() -> None:
    """Linux lets a process's peak begin at that of its parent, here above 400 MB."""
    ours = np.ones(50_000_000)  # 400 MB
    assert measure_command([sys.executable, "-S", "-c", "pass"]).megabytes < 40
    taken = measure_command([sys.executable, "-S", "-c", "x = b'1' * 200_000_000"])
    assert ours[-1] == 1
    assert 200 < taken.megabytes < 260


def test_a_command_that_fails_is_quoted() -> None:
    with pytest.raises(BenchmarkError, match=r"status 3 \(no such thing\): run it by itself"):
        measure_command(
            [
                sys.executable,
                "-c",
                "import sys; print('no such thing', file=sys.stderr); sys.exit(3)",
            ]
        )


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(BenchmarkError, match="no-such-command"):
        measure_command(["no-such-command"])
