"""Run whole commands in fresh processes and measure them as the operating system does."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
EMBEDDED = REPOSITORY / "apps" / "models" / "minilm-l6-squad"


def peer_python(name: str) -> Path:
    """Return the interpreter of a peer's environment, made at the first use (minutes)."""
    sys.path.insert(0, str(REPOSITORY / "tests" / "interop"))
    from environments import python_environment

    return python_environment(name)


@dataclass(frozen=True)
class Run:
    """One finished process: seconds from start to end, peak resident memory in MB (10^6 bytes)."""

    seconds: float
    megabytes: float


def measure(command: Sequence[str | Path]) -> Run:
    """Run a command in a fresh process; its output is dropped unless it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} failed:\n{errors.decode()[-2000:]}")
    return Run(time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e6)


def alternate(
    commands: Mapping[str, Sequence[Sequence[str | Path]]], rounds: int
) -> dict[str, list[Run]]:
    """Measure commands in turn, A B C A B C, after a round that is not counted.

    Args:
        commands: Name -> the commands that make it up, run one after the other.
        rounds: Counted rounds.
    """
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for count in range(rounds + 1):
        for name, parts in commands.items():
            measured = [measure(part) for part in parts]
            total = Run(sum(m.seconds for m in measured), max(m.megabytes for m in measured))
            if count:
                runs[name].append(total)
            print(f"round {count}: {name} {total.seconds:.2f} s", file=sys.stderr)
    return runs


def table(runs: Mapping[str, list[Run]], peer: str) -> str:
    """Write medians, and ratios to `peer` pair by pair, as a Markdown table."""
    lines = [
        f"| | seconds | peak memory | time / {peer} | memory / {peer} |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, own in runs.items():
        pairs = list(zip(own, runs[peer], strict=True))
        lines.append(
            f"| {name} | {statistics.median(r.seconds for r in own):.2f} "
            f"| {statistics.median(r.megabytes for r in own):.0f} MB "
            f"| {statistics.median(a.seconds / b.seconds for a, b in pairs):.3f} "
            f"| {statistics.median(a.megabytes / b.megabytes for a, b in pairs):.2f} |"
        )
    return "\n".join(lines)
