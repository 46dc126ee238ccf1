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

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
EMBEDDED = REPOSITORY / "apps" / "models" / "minilm-l6-squad"


def peer_python(name: str) -> Path:
    """Return the interpreter of a peer's environment, made at the first use (minutes)."""
    sys.path.insert(0, str(REPOSITORY / "tests" / "interop"))
    from environments import python_environment

    return python_environment(name)


def peer_version(environment: str, package: str) -> str:
    """Return the release of a package that a peer's environment is pinned to."""
    file = REPOSITORY / "tests" / "interop" / "requirements" / f"{environment}.txt"
    pins = dict(line.split("==") for line in file.read_text().splitlines() if "==" in line)
    return pins[package]


def export_python() -> Path:
    """Return the interpreter of an environment with ``edge-distil[export]``, as a user has it.

    Packages for development slow an import down: transformers imports scipy where it finds it.
    """
    sys.path.insert(0, str(REPOSITORY / "tests" / "interop"))
    from environments import export_environment

    return export_environment()


@dataclass(frozen=True)
class Run:
    """One finished process, or several in a row.

    Attributes:
        seconds: From start to end.
        cpu: Seconds of processor time; on a busy machine the fairer figure.
        megabytes: Peak resident memory of the largest process (10^6 bytes).
    """

    seconds: float
    cpu: float
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
    seconds = time.perf_counter() - started
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)


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
            total = Run(
                sum(m.seconds for m in measured),
                sum(m.cpu for m in measured),
                max(m.megabytes for m in measured),
            )
            if count:
                runs[name].append(total)
            print(f"round {count}: {name} {total.seconds:.2f} s", file=sys.stderr)
    return runs


def table(runs: Mapping[str, list[Run]], peer: str) -> str:
    """Write medians, and ratios to `peer` pair by pair, as a Markdown table."""
    lines = [
        f"| | seconds | / {peer} | processor seconds | / {peer} | peak memory | / {peer} |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, own in runs.items():
        cells = [
            cell
            for figure, unit in (("seconds", ""), ("cpu", ""), ("megabytes", " MB"))
            for cell in _median_and_ratio(own, runs[peer], figure, unit)
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _median_and_ratio(own: list[Run], peer: list[Run], figure: str, unit: str) -> tuple[str, str]:
    ours, theirs = ([getattr(run, figure) for run in runs] for runs in (own, peer))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    median = statistics.median(ours)
    return f"{median:.0f}{unit}" if unit else f"{median:.2f}", f"{ratio:.2f}"


class Worker:
    """A live process that answers a line on stdin with a line on stdout.

    Args:
        command: What it runs.
        environment: Variables beside this process's.
    """

    def __init__(
        self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def ask(self, words: str) -> str:
        """Send a line and wait for the answer."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> str:
        """Wait for a line."""
        assert self.process.stdout is not None
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args} ended with {self.process.wait()}")
        return answer

    def end(self) -> None:
        """Let it end."""
        self.process.communicate()
