"""Sensors, from a made-up sysfs as the kernel's documentation describes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from edge_distil_bench.machine.sensors import read_governor, read_sensors


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n")
    return root


def test_every_sensor(tmp_path: Path) -> None:
    system = write(
        tmp_path,
        {
            "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000",
            "devices/system/cpu/cpu1/cpufreq/scaling_cur_freq": "2200000",
            "devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave",
            "devices/system/cpu/cpu1/cpufreq/scaling_governor": "performance",
            "class/thermal/thermal_zone0/temp": "41500",
            "class/thermal/thermal_zone1/temp": "63000",
            "class/thermal/thermal_zone2/temp": "-273000",
            "class/hwmon/hwmon0/temp1_input": "90000",
        },
    )
    before = time.perf_counter_ns()
    reading = read_sensors(system, tmp_path / "no-proc")
    assert before <= reading.at_ns <= time.perf_counter_ns()
    assert reading.megahertz == 2000
    assert reading.celsius == 63
    assert reading.joules is None
    assert read_governor(system) == "performance, powersave"


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    reading = read_sensors(tmp_path, tmp_path)
    assert (reading.megahertz, reading.celsius, reading.joules) == (None, None, None)
    assert read_governor(tmp_path) is None


def test_a_monitor_serves_where_there_is_no_zone(tmp_path: Path) -> None:
    system = write(tmp_path, {"class/hwmon/hwmon1/temp2_input": "48250", "class/thermal/x": ""})
    assert read_sensors(system, tmp_path).celsius == 48.25


def test_the_clock_rate_of_cpuinfo(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"cpuinfo": "processor : 0\ncpu MHz\t\t: 2596.5\n\nprocessor : 1\ncpu MHz : 2600.5"},
    )
    assert read_sensors(tmp_path / "no-sys", tmp_path).megahertz == 2598.5


def test_energy_adds_packages_and_survives_a_wrap(tmp_path: Path) -> None:
    zones = "class/powercap/intel-rapl:"
    files = {
        f"{zones}0/energy_uj": "9000000",
        f"{zones}0/max_energy_range_uj": "10000000",
        f"{zones}1/energy_uj": "5000000",
        f"{zones}1/max_energy_range_uj": "10000000",
        f"{zones}0:0/energy_uj": "123456789",  # a part of package 0, counted there already
    }
    system = write(tmp_path, files)
    first = read_sensors(system, tmp_path).joules
    write(tmp_path, {f"{zones}0/energy_uj": "1000000", f"{zones}0:0/energy_uj": "999999999"})
    write(tmp_path, {f"{zones}1/energy_uj": "5500000"})
    second = read_sensors(system, tmp_path).joules
    assert first is not None
    assert second is not None
    # 9 J to 1 J is 2 J beyond the wrap at 10 J; the other package used half a joule.
    assert second - first == pytest.approx(2.5)


def test_energy_that_may_not_be_read_is_none(tmp_path: Path) -> None:
    # A directory stands for a file without permission: root, who runs the tests, may read all.
    (tmp_path / "class/powercap/intel-rapl:0/energy_uj").mkdir(parents=True)
    assert read_sensors(tmp_path, tmp_path).joules is None
