"""Run whole commands in fresh processes and measure them as the operating system does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_distil.errors import BenchmarkError


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
    started = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise BenchmarkError(
            f"{' '.join(map(str, command))} ended with status {os.waitstatus_to_exitcode(status)}: "
            f"run it by itself\n{errors.decode()[-2000:]}"
        )
    seconds = time.perf_counter() - started
    return Finished(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


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
