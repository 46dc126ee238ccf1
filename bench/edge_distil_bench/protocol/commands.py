"""Run whole commands in fresh processes and measure them as the operating system does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_distil.errors import BenchmarkError

# A process's peak begins at that of the one that starts it, so that a small one does.
_LAUNCHER = """
import json, os, sys, time
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
started = time.perf_counter()
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - started
print(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6]))
ended = os.waitstatus_to_exitcode(status)
sys.exit(ended if ended >= 0 else 128 - ended)
"""


@dataclass(frozen=True)
class Finished:
    """One finished process, or several in a row.

    Attributes:
        seconds: From start to end.
        cpu: Seconds of processor time; on a busy machine the fairer figure.
        megabytes: Peak resident memory of the largest process (10^6 bytes).
    """

    seconds: float
    cpu: float
    megabytes: float


def measure_command(command: Sequence[str | Path]) -> Finished:
    """Run a command in a fresh process; its output is dropped unless it fails."""
    words = list(map(str, command))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _LAUNCHER, *words],
        capture_output=True,
        env=_environment(),
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").split("\n")
        last = next((line for line in reversed(said) if line.strip()), "it said nothing")
        raise BenchmarkError(
            f"{' '.join(words)} ended with status {done.returncode} ({last.strip()}): "
            "run it by itself"
        )
    return Finished(*json.loads(done.stdout))


def _environment() -> dict[str, str]:
    """Return ours, but offline, and with modules kept compiled, as pip leaves them."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "HF_HUB_OFFLINE": "1"}


def alternate_commands(
    commands: Mapping[str, Sequence[Sequence[str | Path]]], rounds: int
) -> dict[str, list[Finished]]:
    """Measure commands in turn, A B C A B C, after a round that is not counted.

    Args:
        commands: Name -> the commands that make it up, run one after the other.
        rounds: Counted rounds.
    """
    runs: dict[str, list[Finished]] = {name: [] for name in commands}
    for count in range(rounds + 1):
        for name, parts in commands.items():
            measured = [measure_command(part) for part in parts]
            total = Finished(
                sum(m.seconds for m in measured),
                sum(m.cpu for m in measured),
                max(m.megabytes for m in measured),
            )
            if count:
                runs[name].append(total)
            print(f"round {count}: {name} {total.seconds:.2f} s", file=sys.stderr)
    return runs
