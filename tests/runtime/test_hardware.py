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


def test_a_board_is_named_by_its_device_tree(tmp_path: Path) -> None:
    """Strings of a device tree end with a NUL (Devicetree Specification 0.4, 2.2.4)."""
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert hardware._board_name(tmp_path / "model") == "Raspberry Pi 5 Model B Rev 1.0"
    assert hardware._board_name(tmp_path / "absent") == ""


def test_this_processor_has_the_name_that_the_system_shows() -> None:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ", 1)[1] for line in lines if line.startswith("model name")]
    assert hardware.cpu_name() == names[0]
