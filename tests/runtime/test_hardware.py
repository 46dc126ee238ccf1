"""Cores by cgroup, threads by request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge_distil import hardware
from edge_distil.errors import InputError


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
    ],
)
def test_the_cgroup_limits_the_cores(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert hardware.available_cores(tmp_path) == cores


@pytest.mark.parametrize("text", ["max 100000", "nonsense"])
def test_no_limit_leaves_the_affinity(tmp_path: Path, text: str) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert hardware.available_cores(tmp_path) == len(os.sched_getaffinity(0))


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3,1")
    assert hardware.threads() == 3
    assert hardware.threads(1) == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    with pytest.raises(InputError, match="OMP_NUM_THREADS is 'many'"):
        hardware.threads()
    with pytest.raises(InputError, match="threads is 0"):
        hardware.threads(0)
