"""What the machine and its software are, and whether it does other work."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil import hardware, session
from edge_distil._machine.versions import installed_versions
from edge_distil_bench.machine.sensors import read_governor, read_sensors

_PACKAGES = (
    "edge-distil", "numpy", "onnxruntime", "tokenizers", "torch", "transformers", "onnx",
    "coremltools", "optimum", "ctranslate2", "openvino",
)  # fmt: skip
_PROC = Path("/proc")
_WATCH = 1.0  # seconds over which the other work is measured before ours begins
# Cores that others may keep busy, and share of the time that a hypervisor may take, before the
# machine counts as loaded: an idle desktop stays below.
_BUSY_CORES = 0.15
_STEAL = 0.02


class Load(NamedTuple):
    """What others do on this machine.

    Attributes:
        busy: Cores that they keep busy.
        steal: Share of the time that the hypervisor gave to other machines.
    """

    busy: float
    steal: float


class _Jiffies(NamedTuple):
    """The counters of ``/proc/stat``, in seconds, and ours."""

    idle: float
    steal: float
    total: float
    own: float


def record_environment(threads: int) -> dict[str, Any]:
    """Describe the machine before measuring: all of `describe_machine`, and its load.

    Args:
        threads: Of the engine.

    Returns:
        Plain values for JSON; ``None`` is "not readable here".
    """
    load, memory = watch_load(), _memory()
    reason = loaded_reason(load)
    return {
        **describe_machine(threads),
        "cores_of_machine": os.cpu_count(),
        "cgroup_cores": hardware.cgroup_cores(),
        "memory_bytes": memory.get("MemTotal"),
        "memory_available_bytes": memory.get("MemAvailable"),
        "governor": read_governor(),
        "megahertz": read_sensors().megahertz,
        "load": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "busy_cores": load.busy if load else None,
        "steal": load.steal if load else None,
        "loaded": reason is not None,
        "loaded_reason": reason,
    }


def describe_machine(threads: int | None = None) -> dict[str, Any]:
    """Describe the machine and the packages that matter, as plain values for JSON."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": hardware.cpu_name(),
        "architecture": platform.machine(),
        "features": list(hardware.cpu_features()),
        "cores": hardware.available_cores(),
        "threads": hardware.threads(threads),
        "provider": session.DEFAULT_PROVIDER,
        "providers": session.available_providers(),
        "graph_level": session.graph_level(),
        "packages": installed_versions(_PACKAGES),
    }


def watch_load(seconds: float = _WATCH, proc: Path = _PROC) -> Load | None:
    """Watch what others do for a while; ``None`` where the system does not say.

    The load average would not do: it is a mean of the past minutes and holds our own work.

    Args:
        seconds: How long.
        proc: Root of the proc file system.
    """
    before = _jiffies(proc)
    time.sleep(seconds)
    after = _jiffies(proc)
    if before is None or after is None or after.total <= before.total:
        return None
    total = after.total - before.total
    busy = total - (after.idle - before.idle) - (after.own - before.own)
    cores = os.cpu_count() or 1
    return Load(max(0.0, busy / total * cores), (after.steal - before.steal) / total)


def loaded_reason(load: Load | None) -> str | None:
    """Say why the machine counts as loaded; ``None`` where it does not.

    >>> loaded_reason(Load(busy=0.9, steal=0.0))
    'other work keeps 0.90 cores busy'
    """
    if load is None:
        return None
    if load.busy > _BUSY_CORES:
        return f"other work keeps {load.busy:.2f} cores busy"
    if load.steal > _STEAL:
        return f"the hypervisor gave {load.steal:.0%} of the time to other machines"
    return None


def free_threads(requested: int | None, load: Load | None, cores: int | None = None) -> int:
    """Choose as many threads as there are cores without other work.

    A thread that shares its core with another program measures the scheduler.

    Args:
        requested: What the user asked for, which is kept; so is ``OMP_NUM_THREADS``.
        load: What others do; ``None`` is "not readable here".
        cores: Of the machine.

    >>> free_threads(None, Load(busy=1.0, steal=0.0), cores=2)
    1
    """
    usual = hardware.threads(requested)
    if requested is not None or load is None or os.environ.get("OMP_NUM_THREADS", "").strip():
        return usual
    return max(1, min(usual, (cores or os.cpu_count() or 1) - round(load.busy)))


def _jiffies(proc: Path) -> _Jiffies | None:
    """Read ``/proc/stat``; the fields are those of proc(5)."""
    try:
        line = (proc / "stat").read_text().splitlines()[0]
        user, nice, system, idle, iowait, irq, softirq, steal = map(int, line.split()[1:9])
    except (OSError, ValueError, IndexError):
        return None
    tick = os.sysconf("SC_CLK_TCK")
    total = user + nice + system + idle + iowait + irq + softirq + steal
    own = os.times()
    return _Jiffies((idle + iowait) / tick, steal / tick, total / tick, own.user + own.system)


def _memory(proc: Path = _PROC) -> dict[str, int]:
    """Return the bytes that ``/proc/meminfo`` names; nothing where the system has none."""
    try:
        lines = (proc / "meminfo").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines)
    return {name: 1024 * int(rest.split()[0]) for name, rest in pairs}
