"""Every family of encoders, every head: how far each goes, and why no farther.

    .venv/bin/python bench/tables/compatibility/families.py [--resume] [--only FAMILY ...]
        [--head TASK ...] [--side-by-side 2] [--json FILE] [--work DIR]

Tiny checkpoints of seeded random weights, each with a real tokenizer, go the whole way: export,
what a user gets of it in Python and in JavaScript beside what the checkpoint's own library says to
the same texts, int8, and a Core ML package that is run here. A family has a process of its own; one
that dies or takes more than `LIMIT` costs the cell that it was at. Every cell is written as soon as
it is known: with `--resume` those that are there stay.

Needs Node and what `npm ci` installs in apps/web/runtime: `make compatibility`. Half an hour.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from edge_distil._machine.versions import installed_versions
from tables.compatibility.page import COLUMNS, HEADS, render
from tables.shared.figures import machine, parser

FILE = Path(__file__).with_suffix(".json")
LIMIT = 1800  # seconds a family
_LIBRARIES = ("transformers", "torch", "sentence-transformers", "coremltools")

Figures = dict[str, dict[str, dict[str, Any]]]  # family -> task -> column -> cell


class Record:
    """The figures, on disk as soon as they are known.

    Args:
        file: The JSON.
        resume: Keep what it holds; else what it holds of the families that are measured goes.
    """

    def __init__(self, file: Path, *, resume: bool, only: list[str] | None) -> None:
        kept = json.loads(file.read_text(encoding="utf-8"))["figures"] if file.is_file() else {}
        if not resume:
            kept = {k: v for k, v in kept.items() if only and k not in only}
        self.figures: Figures = kept
        self._file = file
        self._lock = threading.Lock()

    def left(self, family: str, heads: Iterable[str] = HEADS) -> list[str]:
        """Return the tasks of a family that are not done."""
        done = self.figures.get(family, {})
        return [task for task in heads if set(done.get(task, {})) != set(COLUMNS)]

    def put(self, family: str, task: str, cells: Mapping[str, Any]) -> None:
        """Add cells."""
        with self._lock:
            self.figures.setdefault(family, {}).setdefault(task, {}).update(cells)
            temporary = self._file.with_suffix(".tmp")
            temporary.write_text(json.dumps(self.document(), indent=1) + "\n", encoding="utf-8")
            os.replace(temporary, self._file)

    def document(self) -> dict[str, Any]:
        """Return what the file holds."""
        libraries = (f"{k} {v}" for k, v in installed_versions(_LIBRARIES).items())
        return {"machine": "; ".join([machine(), *libraries]), "figures": self.figures}


def families() -> list[str]:
    """Return all families, those that the tests promise first."""
    from tables.checkpoints import beyond, further, tiny

    return [*tiny.FAMILIES, *further.FURTHER, *beyond.BEYOND]


def measure(
    family: str, record: Record, work: Path, runtime: Path | None, heads: Iterable[str] = HEADS
) -> None:
    """Fill the cells of a family that are not there, in as few processes as do not die."""
    while tasks := record.left(family, heads):
        settings = {
            "family": family, "tasks": tasks, "work": str(work),
            "runtime": str(runtime) if runtime else None,
        }  # fmt: skip
        ended = None
        for answer in _answers(settings, work / f"{family}.log"):
            if isinstance(answer, int):
                ended = answer
                continue
            record.put(family, answer["task"], {answer["column"]: answer["cell"]})
            said = answer["cell"].get("figure", answer["cell"])
            print(f"{family} {answer['task']} {answer['column']}: {said}", file=sys.stderr)
        if ended:
            died = {"no": f"the process ended with {ended}", "error": "process"}
            task = record.left(family, heads)[0]
            there = record.figures.get(family, {}).get(task, {})
            record.put(family, task, {c: died for c in COLUMNS if c not in there})


def _answers(settings: Mapping[str, Any], log: Path) -> Iterator[Any]:
    """Yield what the process says, and last how it ended."""
    program = Path(__file__).with_name("family.py")
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "USE_TF": "0"}
    with (
        log.open("ab") as errors,
        subprocess.Popen(
            [sys.executable, "-P", str(program), json.dumps(settings)],
            stdout=subprocess.PIPE, stderr=errors, text=True, env=alone,
        ) as process,
    ):  # fmt: skip
        watch = threading.Timer(LIMIT, process.kill)
        watch.start()
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith('{"task"'):
                yield json.loads(line)
        watch.cancel()
        yield process.wait()


def main() -> None:
    made = parser(__doc__)
    made.set_defaults(json=FILE)
    made.add_argument("--resume", action="store_true", help="keep the cells that are there")
    made.add_argument("--only", action="append", help="this family; may be given several times")
    made.add_argument("--head", action="append", choices=HEADS, help="this head, or several")
    made.add_argument("--side-by-side", type=int, default=1, help="processes at a time")
    arguments = made.parse_args()
    chosen, heads = arguments.only or families(), arguments.head or HEADS
    if unknown := set(chosen) - set(families()):
        made.error(f"no such family: {', '.join(sorted(unknown))}")
    from tables.compatibility.heads import build_runtime

    record = Record(arguments.json, resume=arguments.resume, only=arguments.only)
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        runtime = build_runtime(work / "runtime")
        with ThreadPoolExecutor(arguments.side_by_side) as pool:
            list(pool.map(lambda family: measure(family, record, work, runtime, heads), chosen))
    print(render(record.document()))
    wrong = [
        f"{family} {task} {column}: {cell['error']}: {cell['no']}"
        for family, tasks in record.figures.items()
        for task, cells in tasks.items()
        for column, cell in cells.items()
        if "error" in cell
    ]
    if wrong:
        sys.exit("\n".join(["errors that are not of ours:", *wrong]))


if __name__ == "__main__":
    main()
