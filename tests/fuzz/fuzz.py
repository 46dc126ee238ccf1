"""The fuzzer: cases in processes that are watched; what fails is kept with the command for it.

    python tests/fuzz/fuzz.py [--kind json=100000 --kind onnx=10000 ...] [--seed N] [--workers N]
    python tests/fuzz/fuzz.py --kind json --seed 7 --only 4711

A case is made from its kind, the seed and its number alone. It must end well or in an
`EdgeDistilError`: no other exception, no end of the process, no more than 5 s, no more than 1 GB.
"""

from __future__ import annotations

import argparse
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

DEFAULT = {
    "json": 100_000, "swaps": 100_000, "tokenizer": 10_000, "tokenizer-swaps": 10_000,
    "onnx": 10_000, "graphs": 10_000, "calls": 100_000, "tasks": 100_000,
}  # fmt: skip
HANG = 5.0  # seconds of one case
_START = 120.0  # seconds until the first case of a process, on a busy machine
_MEMORY = 1 << 30  # bytes
_FAILURES_SHOWN = 20


@dataclass(frozen=True)
class Failure:
    """A case that did not end as it must."""

    kind: str
    seed: int
    number: int
    reason: str

    def __str__(self) -> str:
        command = f"python {Path(__file__).as_posix()} --kind {self.kind} --seed {self.seed}"
        return f"{self.kind} {self.number}: {self.reason}\n    {command} --only {self.number}"


def run(kind: str, count: int, seed: int, workers: int, hang: float = HANG) -> list[Failure]:
    """Run the cases 0 to `count` of a kind and return those that fail."""
    failures: list[Failure] = []
    threads = [
        threading.Thread(
            target=_supervise, args=(kind, range(first, count, workers), seed, hang, failures)
        )
        for first in range(workers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(failures, key=lambda failure: failure.number)


def _supervise(kind: str, numbers: range, seed: int, hang: float, failures: list[Failure]) -> None:
    """Run cases in one process after another: a new one behind each case that ended the last."""
    while numbers:
        number, reason = numbers[0], ""
        for number, reason in _lines(kind, numbers, seed, hang):
            if reason:
                failures.append(Failure(kind, seed, number, reason))
        if not reason:
            return
        numbers = numbers[numbers.index(number) + 1 :]


def _lines(kind: str, numbers: range, seed: int, hang: float) -> Iterator[tuple[int, str]]:
    """Yield each case as it begins, and again, with the reason, where it fails."""
    words = [kind, seed, numbers.start, numbers.stop, numbers.step]
    command = [sys.executable, "-P", __file__, "--worker", *map(str, words)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "RUST_BACKTRACE": "0"},
    )  # fmt: skip
    said: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process, said))
    reader.start()
    number, patience = numbers[0], _START
    try:
        while True:
            try:
                line = said.get(timeout=patience)
            except queue.Empty:
                yield number, f"took more than {patience:.0f} s"
                return
            if line == "done\n":
                return
            if not line:
                yield number, f"ended the process (status {process.wait()})"
                return
            word, _, reason = line.rstrip("\n").partition(" ")
            number, patience = int(word), hang
            if reason:
                yield number, reason
                return
    finally:
        process.kill()
        process.wait()
        reader.join()


def _read(process: subprocess.Popen[str], said: queue.Queue[str]) -> None:
    assert process.stdout is not None
    with process.stdout:
        for line in process.stdout:
            said.put(line)
    said.put("")


def work(kind: str, seed: int, numbers: range) -> None:
    """Be a worker: run cases, each said before it begins; one that fails ends the work."""
    import resource

    sys.path.insert(0, str(Path(__file__).parent))
    from cases import prepare

    from edge_distil_bench.costs.memory import peak

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # what libraries print is no reply
    with os.fdopen(os.dup(1), "w") as replies, tempfile.TemporaryDirectory() as folder:
        os.dup2(2, 1)
        case = prepare(kind, Path(folder))
        for number in numbers:
            print(number, file=replies, flush=True)
            try:
                case(Random(f"{kind} {seed} {number}"))
                resident = peak() or 0  # `ru_maxrss` would begin at the parent's
                if resident > _MEMORY:
                    raise MemoryError(f"{resident:,} bytes resident")
            except BaseException as error:  # a panic is not an Exception
                where = traceback.extract_tb(error.__traceback__)[-1]
                reason = f"{type(error).__name__}: {ascii(str(error))[:300]}"
                place = f"{Path(where.filename).name}:{where.lineno}"
                print(number, reason, f"({place})", file=replies, flush=True)
                return
        print("done", file=replies, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for; status 1 where a case failed."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["--worker"]:
        kind, seed, *rest = words[1:]
        work(kind, int(seed), range(*map(int, rest)))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", action="append", help="KIND or KIND=COUNT; by default all")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--hang", type=float, default=HANG, help="seconds that a case may take")
    parser.add_argument("--only", type=int, help="one case, in this process, with its traceback")
    asked = parser.parse_args(words)
    kinds = [kind.partition("=") for kind in asked.kind or DEFAULT]
    if asked.only is not None:
        _show(kinds[0][0], asked.seed, asked.only)
        return
    failed = False
    for kind, _, count in kinds:
        started, cases = time.monotonic(), int(count or DEFAULT[kind])
        print(f"{kind}: {cases:,} cases, seed {asked.seed}", flush=True)
        failures = run(kind, cases, asked.seed, asked.workers, asked.hang)
        taken = time.monotonic() - started
        print(f"{kind}: {len(failures)} failed, {taken:.0f} s, {cases / taken:.0f} cases/s")
        for failure in failures[:_FAILURES_SHOWN]:
            print(failure)
        failed = failed or bool(failures)
    sys.exit(1 if failed else 0)


def _show(kind: str, seed: int, number: int) -> None:
    sys.path.insert(0, str(Path(__file__).parent))
    from cases import prepare

    with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        prepare(kind, Path(folder))(Random(f"{kind} {seed} {number}"))
        print("ended as it must")


if __name__ == "__main__":
    main()
