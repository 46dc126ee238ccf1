"""Resident memory, as the system counts it: of this process, and of a fresh one with a model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from edge_distil_bench.records import Memory

if TYPE_CHECKING:  # the worker process, which is measured, imports this file and not these
    from edge_distil_bench.protocol.processes import Participant
    from edge_distil_bench.protocol.queries import Queries

_STATUS = Path("/proc/self/status")
_ANSWERS = 32  # queries before the peak is read: as the longest is among them, it is steady then


def measure_memory(participant: Participant, queries: Queries) -> Memory:
    """Read the resident memory of a fresh process that runs one model and is not timed.

    Args:
        participant: The model.
        queries: What it answers: the first query, then others, the longest among them.

    Returns:
        The bytes before any import, after load, after the first answer and at the peak; ``None``
        where the system does not say.

    Raises:
        BenchmarkError: The process cannot go on.
    """
    from edge_distil_bench.protocol.processes import started

    longest = max(range(len(queries.texts)), key=lambda i: queries.inputs.tokens[i])
    with TemporaryDirectory() as folder, started([participant]) as [worker]:
        queries.write(file := Path(folder, "queries.json"))
        worker.ask(queries=str(file))
        worker.ask(run=[0])
        answered = worker.ask(memory=True)
        worker.ask(run=[longest, *range(len(queries.texts))][:_ANSWERS])
        return Memory(
            model=participant.model,
            inputs=queries.inputs.id,
            threads=participant.threads,
            baseline=worker.ready["baseline"],
            loaded=worker.ready["rss"],
            answered=answered["resident"],
            peak=worker.ask(memory=True)["peak"],
        )


def resident() -> int | None:
    """Return the resident bytes of this process; ``None`` where the system does not say."""
    return _status("VmRSS") or _listed()


def peak() -> int | None:
    """Return the most bytes that were ever resident in this process.

    Linux's ``VmHWM`` begins again with the program; ``ru_maxrss``, the fallback, may begin at the
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


def _listed() -> int | None:
    """Return what ``ps`` says: macOS has no /proc."""
    try:
        command = ["ps", "-o", "rss=", "-p", str(os.getpid())]
        return int(subprocess.run(command, capture_output=True, check=True).stdout) * 1024
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _maxrss() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found if sys.platform == "darwin" else found * 1024
