"""The Ray engine on this machine: two workers against one, and a worker killed in the middle.

    python bench/tables/embedding/embed_ray.py --bundle minilm --variant int8 --data sentences.txt

Each run is one of `edge-distil embed`'s own, one thread a worker, in rounds of one worker and
two. The rate is that from each worker's first part on, as the driver hears of them: what Ray
takes to start is paid once, however long the corpus, and is in the whole time beside it. All
outputs, also that of a run one of whose workers gets SIGKILL, are compared with the local
engine's, byte for byte.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from edge_distil_apps.embed import ROWS, Job, embed_corpus
from edge_distil_apps.embed.engine import Advance, Engine, run_local
from edge_distil_apps.embed.ray_engine import run_ray

_SHARDS = 24  # by default; half a minute for one worker with a small model


@dataclass(frozen=True)
class Run:
    """One finished run: texts a second between the first and the last part, and all seconds."""

    rate: float
    seconds: float
    output: bytes


def measure(job: Job, engine: Engine, workers: int = 1, *, kill: bool = False) -> Run:
    """Run a job once, in this process, and remove its output.

    Args:
        job: The job.
        engine: Who does it.
        workers: How many of them: their first parts are where the rate begins.
        kill: Kill the worker that began a shard last, once half of them are done.
    """
    reports: list[tuple[float, int]] = []
    killed: list[int] = []

    @contextmanager
    def watch(total: int, before: int) -> Iterator[Advance]:
        def advance(rows: int) -> None:
            reports.append((time.perf_counter(), rows))
            if kill and not killed and sum(r for _, r in reports) > total / 2:
                killed.append(_kill_one(job))

        yield advance

    started = time.perf_counter()
    embed_corpus(job, engine, watch)
    seconds = time.perf_counter() - started
    begun, ended = reports[workers - 1][0], reports[-1][0]
    rate = sum(rows for _, rows in reports[workers:]) / (ended - begun)
    output = job.output.read_bytes()
    job.output.unlink()
    return Run(rate, seconds, output)


def _kill_one(job: Job) -> int:
    begun = [path for path in job.parts.glob("*.tries") if path.stat().st_size]
    last = max(begun, key=lambda path: path.stat().st_mtime_ns)
    pid = int(last.read_text("utf-8").split(":")[-1])
    os.kill(pid, signal.SIGKILL)
    return pid


def prepare(data: Path, texts: int, path: Path) -> None:
    """Write so many lines of a file, over and over if it has fewer."""
    lines = [line for line in data.read_text("utf-8").splitlines() if line.strip()]
    with path.open("w", encoding="utf-8") as file:
        for number in range(texts):
            file.write(f"{lines[number % len(lines)]}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--variant", default="int8")
    parser.add_argument("--data", type=Path, required=True, help="texts, one a line")
    parser.add_argument("--texts", type=int, default=_SHARDS * ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.txt"
        prepare(args.data, args.texts, corpus)
        job = Job(corpus, Path(folder) / "out.npy", args.bundle, args.variant, threads=1)
        runs: dict[int, list[Run]] = {1: [], 2: []}
        for count in range(args.rounds):
            for workers, done in runs.items():
                done.append(measure(job, partial(run_ray, workers=workers), workers))
                line = f"round {count}: {workers} {done[-1].rate:.0f}/s {done[-1].seconds:.1f} s"
                print(line, file=sys.stderr)
        interrupted = measure(job, partial(run_ray, workers=2), 2, kill=True)
        local = measure(replace(job, threads=2), run_local)
        report(runs, interrupted, local)


def report(runs: dict[int, list[Run]], interrupted: Run, local: Run) -> None:
    print("| | texts/s | / 1 worker | whole seconds | as the local engine |")
    print("|---|--:|--:|--:|---|")
    for workers, done in runs.items():
        ratios = [a.rate / b.rate for a, b in zip(done, runs[1], strict=True)]
        row(f"on Ray, workers: {workers}", done, f"{statistics.median(ratios):.2f}", local)
    row("on Ray, workers: 2, one killed in the middle", [interrupted], "", local)
    row("local engine, 2 threads", [local], "", local)


def row(name: str, runs: list[Run], ratio: str, local: Run) -> None:
    rate, seconds = (statistics.median(getattr(r, f) for r in runs) for f in ("rate", "seconds"))
    same = "the same bytes" if all(r.output == local.output for r in runs) else "DIFFERS"
    print(f"| {name} | {rate:,.0f} | {ratio} | {seconds:.1f} | {same} |")


if __name__ == "__main__":
    main()
