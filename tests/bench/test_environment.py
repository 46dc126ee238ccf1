"""The environment record, against what Python and the system say."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from edge_distil_bench.machine.environment import (
    Load,
    free_threads,
    loaded_reason,
    record_environment,
    watch_load,
)


def test_the_record_says_what_the_system_says() -> None:
    record = json.loads(json.dumps(record_environment(1)))
    assert record["python"] == platform.python_version()
    assert record["architecture"] == platform.machine()
    assert record["threads"] == 1
    assert record["cores_of_machine"] == os.cpu_count()
    assert record["packages"]["numpy"] == np.__version__
    assert record["packages"]["onnxruntime"] == metadata.version("onnxruntime")
    assert record["providers"] == onnxruntime.get_available_providers()
    default = onnxruntime.SessionOptions().graph_optimization_level
    assert record["graph_level"] == default.name
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    assert record["memory_bytes"] == pages * page
    assert 0 < record["memory_available_bytes"] <= record["memory_bytes"]
    assert record["loaded"] == (record["loaded_reason"] is not None)


def test_the_load_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 400 jiffies, on all cores, 100 were idle or waiting and 20 stolen."""
    stat = tmp_path / "stat"
    stat.write_text("cpu 1000 0 500 8000 100 0 0 50 0 0\n")
    after = "cpu 1230 0 550 8090 110 0 0 70 0 0\n"
    monkeypatch.setattr("time.sleep", lambda _: stat.write_text(after))
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    load = watch_load(1, tmp_path)
    assert load is not None
    # This process worked a little itself, which is taken off.
    assert load.busy == pytest.approx(4 * 300 / 400, abs=0.05)
    assert load.steal == pytest.approx(20 / 400)


def test_a_system_without_proc_has_no_load(tmp_path: Path) -> None:
    assert watch_load(0, tmp_path) is None
    assert loaded_reason(None) is None


def test_a_machine_at_work_is_flagged() -> None:
    assert loaded_reason(Load(busy=0.05, steal=0.0)) is None
    assert "1.00 cores" in str(loaded_reason(Load(busy=1.0, steal=0.0)))
    assert "hypervisor gave 10%" in str(loaded_reason(Load(busy=0.0, steal=0.1)))


def test_a_core_that_another_process_keeps_busy_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            load = watch_load()
        finally:
            other.kill()
    cores = os.cpu_count() or 1
    assert 1 <= free_threads(None, load) <= max(1, cores - 1)


def test_threads_that_were_asked_for_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = Load(busy=7.8, steal=0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "6")
    assert free_threads(3, busy, cores=8) == 3
    assert free_threads(None, busy, cores=8) == 6
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("edge_distil.hardware.available_cores", lambda: 8)
    found = [free_threads(None, Load(one, 0.0), cores=8) for one in (0.2, 2.9, 7.8)]
    assert found == [8, 5, 1]
    assert free_threads(None, None, cores=8) == 8
