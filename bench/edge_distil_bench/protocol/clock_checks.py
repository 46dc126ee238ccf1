"""Is our clock right? It is held against three others, for the same work."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_distil._machine.interpreter import python
from edge_distil.encoder import open_encoder
from edge_distil.errors import BenchmarkError
from edge_distil.session import OnnxSession
from edge_distil.tasks import BY_NAME
from edge_distil_bench.protocol.processes import Participant, Worker, participant, started
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.protocol.timed_task import clock_cost
from edge_distil_bench.protocol.worker import Answer, Server, serve
from edge_distil_bench.records import Check, Run
from edge_distil_bench.statistics.samples import timed

_PROFILER = (
    "import sys; from edge_distil_bench.protocol.clock_checks import main; main(sys.argv[1:])"
)
# What a user would write, with no clock in it.
_PLAIN = """
import json, sys
from edge_distil import load
from edge_distil_bench.protocol.timed_task import answer
bundle, variant, threads, file, mix, count = sys.argv[1:]
task = load(bundle, variant=variant, threads=int(threads))
with open(file, encoding="utf-8") as lines:
    texts = json.load(lines)["texts"]
for index in range(int(count)):
    answer(task, texts[index % int(mix) % len(texts)])
"""
_WARM = 10  # queries before those that count
# Whole processes answer these first queries over and over: the second N are then as long as the
# first, which queries of other lengths would not be.
_MIX = 8


def check_timer(runs: Sequence[Run]) -> Check:
    """Hold what the clocks of a query cost against the least median of a forward pass.

    Args:
        runs: Of bundles; at least one.
    """
    medians = [statistics.median(timed(run, "forward").seconds) for run in runs]
    least = min(range(len(runs)), key=lambda index: medians[index])
    run, forward_ns = runs[least], float(1e9 * medians[least])
    return Check("timer", run.model, forward_ns, clock_cost(), run.threads, len(run.total_ns))


def check_profiler(
    model: str, bundle: Path, variant: str, queries: Queries, threads: int, *, count: int = 100
) -> Check:
    """Hold the stage ``forward`` against onnxruntime's own profiler, run for run.

    The profiler slows a run, but both clocks are around the same runs, in a process of their own.

    Args:
        model: `Model.id`.
        bundle: Its directory.
        variant: Its variant.
        queries: What is answered, in turn.
        threads: Of the engine.
        count: Queries.

    Raises:
        BenchmarkError: The process cannot go on.
    """
    with TemporaryDirectory() as folder:
        queries.write(file := Path(folder, "queries.json"))
        arguments = (str(bundle), variant, str(threads), str(Path(folder, "profile")))
        command = python("-c", _PROFILER, *arguments)
        with started([Participant(model, command, threads)]) as [worker]:
            worker.ask(queries=str(file))
            items = [index % len(queries.texts) for index in range(_WARM + count)]
            forward_ns = worker.ask(run=items)["stage_ns"]["forward"]
            profiled_ns = worker.ask(profiled=True)["profiled_ns"]
    ours, theirs = (statistics.median(times[_WARM:]) for times in (forward_ns, profiled_ns))
    return Check("profiler", model, ours, theirs, threads, count)


def check_process(
    model: str,
    bundle: Path,
    variant: str,
    queries: Queries,
    threads: int,
    *,
    seconds: float = 2.0,
    repetitions: int = 5,
) -> Check:
    """Hold the end-to-end time against whole processes, timed from outside as hyperfine does.

    A process that answers 2 N queries takes longer than one that answers N, and by nothing but N
    queries. Ours and theirs come in turns, so that a drift meets both.

    Args:
        model: `Model.id`.
        bundle: Its directory.
        variant: Its variant.
        queries: What is answered, in turn, unpadded.
        threads: Of the engine.
        seconds: What N queries shall take, about.
        repetitions: Of each process; the medians are compared.

    Raises:
        BenchmarkError: A process cannot go on.
    """
    one = participant(model, bundle, variant, threads)
    with TemporaryDirectory() as folder, started([one]) as [worker]:
        queries.write(file := Path(folder, "queries.json"))
        worker.ask(queries=str(file))
        pace = statistics.fmean(_answer(worker, queries, _MIX))
        count = _MIX * max(1, round(seconds * 1e9 / pace / _MIX))
        ours, theirs = [], []
        for turn in range(repetitions):
            first, second = (2 * count, count) if turn % 2 else (count, 2 * count)
            taken = {first: _whole(one, bundle, variant, file, first)}
            ours.append(statistics.fmean(_answer(worker, queries, count)))
            taken[second] = _whole(one, bundle, variant, file, second)
            theirs.append((taken[2 * count] - taken[count]) / count)
    ours_ns, theirs_ns = statistics.median(ours), statistics.median(theirs)
    return Check("process", model, ours_ns, theirs_ns, threads, count)


def _answer(worker: Worker, queries: Queries, count: int) -> list[int]:
    """Return the end-to-end times of so many queries, in nanoseconds."""
    items = [index % _MIX % len(queries.texts) for index in range(count)]
    taken: list[int] = worker.ask(run=items)["total_ns"]
    return taken


def _whole(one: Participant, bundle: Path, variant: str, file: Path, count: int) -> int:
    """Return the nanoseconds of a whole process that answers so many queries."""
    arguments = (str(bundle), variant, str(one.threads), str(file), str(_MIX), str(count))
    command = python("-c", _PLAIN, *arguments)
    started_ns = time.perf_counter_ns()
    ended = subprocess.run(command, capture_output=True, text=True)
    taken = time.perf_counter_ns() - started_ns
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or ["nothing on stderr"]
        raise BenchmarkError(
            f"a process that ran {one.model} ended with status {ended.returncode} ({said[-1]}): "
            "measure it alone, and report the last line if it ends again"
        )
    return taken


def main(arguments: Sequence[str]) -> None:
    """Answer as `worker.main` does, under onnxruntime's profiler, and say what it saw.

    Args:
        arguments: Bundle, variant, number of threads, and where the profiler writes.
    """
    bundle, variant, threads, profile = arguments
    serve(lambda: _profiled(bundle, variant, int(threads), Path(profile)), 0, None)


def _profiled(bundle: str, variant: str, threads: int, profile: Path) -> Answer:
    plain = open_encoder(bundle, variant=variant, threads=threads)
    model = plain.bundle.model_path(variant)
    session = OnnxSession(model, threads=threads, profile=profile)
    server = Server(BY_NAME[plain.bundle.manifest.task](replace(plain, session=session)))

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        if "profiled" in request:
            return {"profiled_ns": session.profiled()}
        return server.reply(request)

    return answer
