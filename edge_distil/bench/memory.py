"""Resident memory of this process, as the system counts it."""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def resident() -> int | None:
    """Return the resident bytes of this process; ``None`` where the system does not say."""
    return _status("VmRSS")


def peak() -> int | None:
    """Return the most bytes that were ever resident in this process.

    Linux's ``VmHWM`` begins anew with the program; ``ru_maxrss``, the fallback, may begin at the
    parent's.
    """
    return _status("VmHWM") or _maxrss()


def _status(key: str) -> int | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    found = next((line.split()[1] for line in lines if line.startswith(f"{key}:")), None)
    return int(found) * 1024 if found else None


def _maxrss() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024
