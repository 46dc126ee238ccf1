"""Does ``edge-distil bench --quick`` decide, idle and beside other work?

    .venv/bin/python bench/tables/verdicts/quick_runs.py BUNDLE --json FILE [--runs 5] [--load]

Each run is the command as a user gives it, from an empty work folder. With ``--load`` a process
keeps one core busy meanwhile. FILE is added to, so that the runs may be made in pieces; the table
is of all that it holds. A verdict is right if it ships int8, whose speed nobody doubts here. A run
that was to be idle and was not, because other processes used the cores, has a row of its own.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tables.shared.figures import machine, markdown, parser

RIGHT = "int8"
IDLE = 0.05  # cores that other processes may use meanwhile
NAMES = {
    "idle": "idle",
    "disturbed": "meant to be idle, disturbed",
    "loaded": "other work on one core",
}
COLUMNS = (
    "", "runs", "decided rightly", "int8 over fp32, least and greatest", "A/A band, median",
    "A/A band, greatest", "seconds, median",
)  # fmt: skip
_BURN = "import os; os.sched_setaffinity(0, {0})\nwhile True: pass"


@contextmanager
def load() -> Iterator[None]:
    """Keep the first core busy for a while."""
    busy = subprocess.Popen([sys.executable, "-c", _BURN])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def used() -> float:
    """Return the seconds for which the cores have been busy with other than our children."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system = map(int, file.readline().split()[1:4])
    ours = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - ours.ru_utime - ours.ru_stime


def run(bundle: Path) -> dict[str, Any]:
    """Give the command, and return what it says."""
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, "-P", "-m", "edge_distil_apps.cli", "bench", str(bundle)]
        command += ["--variant", "fp32", "--variant", RIGHT, "--quick", "--work", work, "--json"]
        started, before = time.monotonic(), used()
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        seconds = time.monotonic() - started
        others = (used() - before) / seconds
    found = json.loads(done.stdout)
    [int8] = [one for one in found["models"] if one["variant"] == RIGHT]
    return {
        "ship": found["ship"],
        "speed": int8["speed"],
        "processor_speed": int8["processor_speed"],
        "a_a_test": found["a_a_test"],
        "busy_cores": found["environment"]["busy_cores"],
        "others": others,
        "seconds": seconds,
    }


def row(name: str, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one condition's cells."""
    speeds = [one["speed"]["value"] for one in runs]
    bands = sorted(one["a_a_test"]["band"] for one in runs)
    seconds = sorted(one["seconds"] for one in runs)
    return [
        name,
        str(len(runs)),
        f"{sum(one['ship'] == RIGHT for one in runs)} of {len(runs)}",
        f"{min(speeds):.2f}-{max(speeds):.2f}",
        f"{bands[len(bands) // 2]:.1%}",
        f"{bands[-1]:.1%}",
        f"{seconds[len(seconds) // 2]:.0f}",
    ]


def render(found: Mapping[str, Any]) -> str:
    """Write the machine's line and the table."""
    rows = [row(name, found[kind]) for kind, name in NAMES.items() if found[kind]]
    return f"{found['machine']}; {found['cores']} cores\n\n{markdown(COLUMNS, rows)}"


def main() -> None:
    made = parser(__doc__)
    made.add_argument("bundle", type=Path)
    made.add_argument("--runs", type=int, default=5)
    made.add_argument("--load", action="store_true", help="keep one core busy meanwhile")
    arguments = made.parse_args()
    found: dict[str, Any] = {"machine": machine(), "cores": os.cpu_count()}
    found |= {kind: [] for kind in NAMES}
    if arguments.json and arguments.json.is_file():
        found |= json.loads(arguments.json.read_text(encoding="utf-8"))
    for _ in range(arguments.runs):
        if arguments.load:
            with load():
                found["loaded"].append(run(arguments.bundle))
        else:
            one = run(arguments.bundle)
            found["idle" if one["others"] <= IDLE else "disturbed"].append(one)
        if arguments.json:
            arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(render(found))


if __name__ == "__main__":
    main()
