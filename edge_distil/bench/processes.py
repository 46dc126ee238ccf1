"""Fresh processes that hold one model each; `worker.py` says what they can be asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from edge_distil.errors import BenchmarkError

# Runs before anything is imported: when the process began, and what it holds without us.
_BOOT = """
import sys, time
started = time.perf_counter_ns()
try:
    import os
    with open("/proc/self/statm") as statm:
        baseline = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
except OSError:
    baseline = None
from edge_distil.bench.worker import main
main(sys.argv[1:], started, baseline)
"""
_TAIL = 2000  # characters of a dead worker's stderr that go into the error


@dataclass(frozen=True)
class Contestant:
    """A model as it takes part in a measurement.

    Attributes:
        model: `Model.id`.
        command: What starts its worker.
        threads: Of the engine.
        copy: See `Run.copy`.
        environment: Variables that its process has beside ours.
    """

    model: str
    command: tuple[str, ...]
    threads: int
    copy: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


def contestant(model: str, bundle: Path, variant: str, threads: int, copy: int = 0) -> Contestant:
    """Return a bundle's variant as it takes part."""
    command = (sys.executable, "-c", _BOOT, str(bundle), variant, str(threads))
    return Contestant(model, command, threads, copy)


class Worker:
    """A started worker process.

    Attributes:
        ready: Its first reply.
        warm: Whether it has been warmed up.
        process_ns: From starting the process to its end, once it has ended.

    Raises:
        BenchmarkError: It ended, or reported an error.
    """

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.warm = False
        self.process_ns = 0
        self._started = time.perf_counter_ns()
        self._process = subprocess.Popen(
            contestant.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **contestant.environment},
        )
        self.ready = self._reply()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request of one word and wait for its reply.

        Raises:
            BenchmarkError: The worker ended, or could not do it.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise BenchmarkError(self._epitaph()) from None
        return self._reply()

    def end(self) -> None:
        """Let it end; one that does not is killed."""
        if self._process.poll() is None:
            try:
                self._process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()
        self.process_ns = time.perf_counter_ns() - self._started

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkError(self._epitaph())
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            self.end()
            raise BenchmarkError(f"{self.contestant.model}: {reply['error']}")
        return reply

    def _epitaph(self) -> str:
        _, errors = self._process.communicate()
        last = (errors or "").strip()[-_TAIL:].splitlines()[-1:] or ["nothing on stderr"]
        return (
            f"the process that ran {self.contestant.model} ended with status "
            f"{self._process.returncode} ({last[0]}): free memory, or run it alone; what was "
            "measured before is kept"
        )


@contextmanager
def started(contestants: Sequence[Contestant]) -> Iterator[list[Worker]]:
    """Start a fresh worker for each contestant; all end with the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(one)) for one in contestants]
