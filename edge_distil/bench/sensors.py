"""What the machine says of itself while it works: clock rate, temperature, energy, load."""

from __future__ import annotations

import os
import time
from pathlib import Path

from edge_distil.bench.measurements import Reading

_SYSTEM = Path("/sys")


def read_sensors(system: Path = _SYSTEM) -> Reading:
    """Read every sensor that this process may read; those that it may not are ``None``.

    Args:
        system: Root of the sysfs file system.
    """
    return Reading(
        at_ns=time.perf_counter_ns(),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    )
