"""Fresh processes that hold a model, or several; `worker.py` says what they can be asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from edge_distil._machine.interpreter import python
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
from edge_distil_bench.protocol.worker import main
main(sys.argv[1:], started, baseline)
"""
_TAIL = 2000  # bytes of a dead worker's stderr that are looked at for its last words
_PATIENCE = 10.0  # seconds that a worker has to end when it is asked to


@dataclass(frozen=True)
class Participant:
    """A model as it takes part in a measurement.

    Attributes:
        model: `Model.id`.
        command: What starts its worker.
        threads: Of the engine.
        copy: See `Run.copy`.
        environment: Variables that its process has beside ours.
        opens: Directory and variant, of one that may share a process with others of its kind.
        apart: Whether it has a process of its own nevertheless.
    """

    model: str
    command: tuple[str, ...]
    threads: int
    copy: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    opens: tuple[str, str] | None = None
    apart: bool = False


def participant(model: str, bundle: Path, variant: str, threads: int, copy: int = 0) -> Participant:
    """Return a bundle's variant as it takes part."""
    opens = (str(bundle), variant)
    command = python("-c", _BOOT, str(threads), *opens)
    return Participant(model, command, threads, copy, opens=opens)


def hosts(participants: Sequence[Participant]) -> list[list[Participant]]:
    """Return who share a process, in their order: our models do, each peer has its own.

    Memory lies elsewhere in each process, and the system may favour one: what is interleaved in a
    single process meets all that alike.
    """
    found: list[list[Participant]] = []
    shared: dict[int, list[Participant]] = {}
    for one in participants:
        if one.opens is None or one.apart:
            found.append([one])
        elif one.threads in shared:
            shared[one.threads].append(one)
        else:
            found.append(shared.setdefault(one.threads, [one]))
    return found


class Worker:
    """A started worker process.

    Args:
        participants: Whom it holds; several, if each of them `opens` a variant.

    Attributes:
        participants: These, in the order of their slots.
        ready: Its first reply.
        warm: Whether it has been warmed up.
        process_ns: From starting the process to its end, once it has ended.

    Raises:
        BenchmarkError: It cannot start, ended, or reported an error.
    """

    def __init__(self, *participants: Participant) -> None:
        self.participants = participants
        self._name = ", ".join(dict.fromkeys(one.model for one in participants))
        self.warm = False
        self.process_ns = 0
        # A file, not a pipe: one that nobody reads is full after 64 KiB of warnings.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._started = time.perf_counter_ns()
        self._process = _start(self._name, participants, self._errors)
        try:
            self.ready = self._reply()
        except BaseException:  # an interruption too must leave no process behind
            self.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.end()
        else:
            self.kill()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request of one word and wait for its reply.

        Raises:
            BenchmarkError: The worker ended, or could not do it.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:  # it has ended; Windows and POSIX have different names for it
            raise BenchmarkError(self._epitaph()) from None
        return self._reply()

    def end(self) -> None:
        """Let it end; one that does not is killed."""
        if self.process_ns:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A wait with a limit of its own would look only now and then, and `process_ns` be late.
        watchdog = threading.Timer(_PATIENCE, self._process.kill)
        watchdog.start()
        try:
            with suppress(OSError):  # a request that a dead process never took
                self._process.stdin.close()
            self._process.wait()
            self.process_ns = time.perf_counter_ns() - self._started
        finally:
            watchdog.cancel()
            self._process.stdout.close()
            self._errors.close()

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()
        self.end()

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise BenchmarkError(self._epitaph())
        try:
            reply: dict[str, Any] = json.loads(line)
        except ValueError:
            raise BenchmarkError(
                f"the process that runs {self._name} replied {line.strip()[:80]!r}, "
                "expected a line of JSON: keep what prints to stdout out of it"
            ) from None
        if "error" in reply:
            raise BenchmarkError(f"{self._name}: {reply['error']}")
        return reply

    def _epitaph(self) -> str:
        """Say how the process ended, with the last words on its stderr."""
        status = self._process.wait()
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - _TAIL))
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return (
            f"the process that ran {self._name} {_how_it_ended(status)} "
            f"({said[-1] if said else 'nothing on stderr'}): {_advice(status)}; what was measured "
            "before is kept"
        )


def _start(
    name: str, participants: Sequence[Participant], errors: IO[bytes]
) -> subprocess.Popen[str]:
    first, *others = participants
    command = [*first.command, *(word for one in others for word in one.opens or ())]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            encoding="utf-8",
            env={**os.environ, **first.environment},
        )
    except OSError as error:
        errors.close()
        raise BenchmarkError(
            f"cannot start {command[0]} for {name} ({error.strerror}): "
            "check that it is there and that processes may be started"
        ) from error


def _how_it_ended(status: int) -> str:
    """Put an exit status in words.

    >>> _how_it_ended(-9), _how_it_ended(1)
    ('was killed (SIGKILL)', 'ended with status 1')
    """
    if status < 0:
        return f"was killed ({signal.Signals(-status).name})"
    return f"ended with status {status}"


def _advice(status: int) -> str:
    """Say what to do: the system kills, without a word, what needs more memory than there is."""
    if status < 0:
        return "if nobody stopped it the memory ran out: free some, or measure fewer models"
    return "measure it alone, and report the last line if it ends again"


@contextmanager
def started(participants: Sequence[Participant]) -> Iterator[list[Worker]]:
    """Start a fresh worker for each participant; all end with the block."""
    with started_hosts([[one] for one in participants]) as workers:
        yield workers


@contextmanager
def started_hosts(groups: Sequence[Sequence[Participant]]) -> Iterator[list[Worker]]:
    """Start a fresh worker for each group, which shares it; all end with the block."""
    with ExitStack() as stack:
        yield [stack.enter_context(Worker(*group)) for group in groups]
