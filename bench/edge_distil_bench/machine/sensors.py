"""What the machine says of itself while it works: clock rate, temperature, energy, load."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterable
from pathlib import Path

from edge_distil_bench.records import Reading

_SYSTEM = Path("/sys")
_PROC = Path("/proc")
_GOVERNOR = "devices/system/cpu/cpu*/cpufreq/scaling_governor"
_KILOHERTZ = "devices/system/cpu/cpu*/cpufreq/scaling_cur_freq"
# Thermal zones and hardware monitors both count thousandths of a degree.
_CELSIUS = ("class/thermal/thermal_zone*/temp", "class/hwmon/hwmon*/temp*_input")
_PLAUSIBLE = range(1, 151)  # degrees: sensors that are not connected say 0, -273 or 255
_ZONES = "class/powercap/intel-rapl:*"


def read_sensors(system: Path = _SYSTEM, proc: Path = _PROC) -> Reading:
    """Read every sensor that this process may read; those that it may not are ``None``.

    Args:
        system: Root of the sysfs file system.
        proc: Root of the proc file system.
    """
    return Reading(
        at_ns=time.perf_counter_ns(),
        megahertz=_megahertz(system, proc),
        celsius=_celsius(system),
        joules=_ENERGY.joules(system),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )


def read_governor(system: Path = _SYSTEM) -> str | None:
    """Return the governors of the clock rate, ``None`` where there is none to be read."""
    return ", ".join(sorted({text for _, text in _texts(system, _GOVERNOR)})) or None


def _megahertz(system: Path, proc: Path) -> float | None:
    """Return the mean clock rate over all cores."""
    rates = [value / 1000 for _, value in _numbers(system, _KILOHERTZ)]
    if not rates:
        lines = (
            line.split(":") for _, text in _texts(proc, "cpuinfo") for line in text.split("\n")
        )
        rates = [float(line[1]) for line in lines if line[0].strip() == "cpu MHz"]
    return statistics.fmean(rates) if rates else None


def _celsius(system: Path) -> float | None:
    """Return the temperature of the hottest sensor; of the thermal zones where there are any."""
    for pattern in _CELSIUS:
        degrees = [value / 1000 for _, value in _numbers(system, pattern)]
        plausible = [value for value in degrees if int(value) in _PLAUSIBLE]
        if plausible:
            return max(plausible)
    return None


class _Energy:
    """Joules since the first reading: RAPL's counters, added up past the places where they wrap.

    A counter wraps at ``max_energy_range_uj``, minutes apart at full power (Linux,
    Documentation/power/powercap), so it must be read more often than that.
    """

    def __init__(self) -> None:
        self._last: dict[Path, int] = {}
        self._microjoules = 0

    def joules(self, system: Path) -> float | None:
        """Add what each package used since the last reading, and return the sum."""
        now = _of_packages(system, "energy_uj")
        wraps = _of_packages(system, "max_energy_range_uj")
        for package, value in now.items():
            used = value - self._last.get(package, value)
            self._microjoules += used if used >= 0 else used + wraps.get(package, 0)
        self._last = now
        return self._microjoules / 1e6 if now else None


def _of_packages(system: Path, name: str) -> dict[Path, int]:
    """Return a figure of each package; the zones within one (intel-rapl:0:0) are parts of it."""
    found = {file.parent: value for file, value in _numbers(system, f"{_ZONES}/{name}")}
    return {zone: value for zone, value in found.items() if zone.name.count(":") == 1}


_ENERGY = _Energy()


def _numbers(root: Path, pattern: str) -> list[tuple[Path, int]]:
    return [(file, int(text)) for file, text in _texts(root, pattern) if _is_integer(text)]


def _is_integer(text: str) -> bool:
    return text.removeprefix("-").isdigit()


def _texts(root: Path, pattern: str) -> Iterable[tuple[Path, str]]:
    """Read the files of a pattern that exist and may be read, in the order of their names."""
    for file in sorted(root.glob(pattern)):
        try:
            yield file, file.read_text().strip()
        except OSError:  # no permission, or a sensor that is asleep
            continue
