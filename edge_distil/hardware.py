"""What this machine is: processor, instruction sets, and the cores we may really use."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from pathlib import Path

from edge_distil import calls
from edge_distil._reading.printable import shown
from edge_distil.errors import InputError

_CGROUP = Path("/sys/fs/cgroup")
_MOST_THREADS = 4096  # more are a slip: each takes memory, and onnxruntime fails as if out of it
# Instruction sets that decide which kernels run, for integers and for bfloat16: flag in
# /proc/cpuinfo -> its name.
_FEATURES = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx_vnni": "AVX VNNI",
    "amx_int8": "AMX int8",
    "avx512_bf16": "AVX-512 BF16",
    "amx_bf16": "AMX BF16",
    "asimd": "NEON",
    "asimddp": "Arm dot product",
    "i8mm": "Arm i8mm",
    "bf16": "Arm BF16",
    "sve": "SVE",
}


def cpu_name() -> str:
    """Return the processor's name, or the machine type where the system does not say.

    On Arm boards Linux names the board, not the processor: ``"Raspberry Pi 5 Model B Rev 1.0"``.
    """
    linux = _cpuinfo("model name") or _board_name() or _cpuinfo("Hardware")
    return linux or _mac_cpu_name() or platform.processor() or platform.machine()


def cpu_features() -> tuple[str, ...]:
    """Return the instruction sets that matter here; empty where the system does not say."""
    flags = set((_cpuinfo("flags") or _cpuinfo("Features")).split())
    return tuple(name for flag, name in _FEATURES.items() if flag in flags)


def available_cores(cgroup: Path = _CGROUP) -> int:
    """Count the cores this process may use: its affinity, cut by the cgroup's quota.

    A container with a quota of two cores on a 64-core host gives 2, where
    ``os.cpu_count()`` gives 64.

    Args:
        cgroup: Root of the cgroup file system.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cgroup_cores(cgroup)
    return max(1, min(cores, int(quota))) if quota else cores


def threads(requested: int | None = None) -> int:
    """Choose the number of threads: `requested`, else ``OMP_NUM_THREADS``, else all cores.

    Raises:
        InputError: The number is no positive integer, or more than any processor has.
    """
    if requested is None:
        # OMP_NUM_THREADS may be a list, one number for each nesting level: the first counts.
        value = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
        if not value:
            return available_cores()
        digits = value.isascii() and value.isdigit() and len(value) < 10
        if not digits or not 1 <= int(value) <= _MOST_THREADS:
            raise InputError(
                f"OMP_NUM_THREADS is {shown(value)}, expected an integer from 1 to "
                f"{_MOST_THREADS}: unset it"
            )
        return int(value)
    calls.whole(1, _MOST_THREADS, threads=requested)
    return int(requested)


def cgroup_cores(cgroup: Path = _CGROUP) -> float | None:
    """Return the cgroup's CPU quota in cores (version 2, then 1); ``None`` is "no limit"."""
    try:
        limit, period = (cgroup / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            limit = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    return None if limit in ("max", "-1") else int(limit) / int(period)


def _board_name(file: Path = Path("/proc/device-tree/model")) -> str:
    try:
        return file.read_text().rstrip("\0").strip()
    except OSError:
        return ""


@cache
def _mac_cpu_name() -> str:
    if sys.platform != "darwin":
        return ""
    import subprocess  # of no use elsewhere, and milliseconds to import

    command = ["sysctl", "-n", "machdep.cpu.brand_string"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


@cache
def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    values = (line.split(":", 1)[1] for line in lines if line.split(":")[0].strip() == key)
    return next(values, "").strip()
