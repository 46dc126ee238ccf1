"""From BERT-base in fp32 to the int8 student that ships: times, sizes, and what is kept of quality.

    .venv/bin/python bench/tables/distil/shipped.py --data DATA --work DIR [--task qa embedding]
        [--threads 1 2] [--json FILE]

DIR is that of `students`. Of each task's, the smallest that keeps 97 % of its teacher's score, or
the best where none does, is exported in fp32 and int8, as its teacher is. BERT-base has seeded
random weights, so times and sizes but no quality. All answer questions of SQuAD dev in one window
of at most 384 tokens, or sentences of STS-B dev, in turn, by the protocol of ``bench``.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing.journal import Journal
from edge_distil.encoder import open_encoder
from edge_distil.evaluate.squad_file import read_squad
from edge_distil_bench import Estimate
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.queries import Queries, make_queries
from edge_distil_bench.side_by_side.conclusions import conclude, condition
from edge_distil_bench.side_by_side.entries import Entry, find_entries
from edge_distil_bench.side_by_side.measure import Plan, measure
from edge_distil_bench.statistics.comparison import compare
from edge_distil_quantize import quantize_bundle
from tables.distil.students import KINDS, read
from tables.shared import minilm
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import add_data, machine, markdown, parser, times
from tables.shared.places import EMBEDDED
from tables.shared.variants import export

PROTOCOL = Protocol("shipped", processes=5, warmup_seconds=1.0, cold_starts=3, sequential=True)
EFFORT, LIMIT = Effort(160), 150.0  # seconds a task and number of threads
VARIANTS = ("fp32", "int8")
QUERIES = 64
KEPT = 0.97  # of the teacher's score, as DistilBERT of BERT's
LONGEST = 1200  # characters: one window of 384 tokens
COLUMNS = (
    "", "threads", "file MB", "forward ms", "times as fast as BERT-base fp32",
    "as the teacher's int8", "peak MB", "score", "of the teacher's fp32",
)  # fmt: skip
PAPER = "DistilBERT beside BERT-base in the paper: 1.63x as fast, 0.6x the size, 97 % of its score"


@dataclass(frozen=True)
class Task:
    """What is measured.

    Attributes:
        head: transformers' class of BERT-base.
        teacher: Returns the checkpoint.
        kinds: Those of `students` that the student is chosen among.
        evaluated: Below the folder of data sets.
    """

    head: str
    teacher: Callable[[], Path]
    kinds: Sequence[str]
    evaluated: str


TASKS = {
    "qa": Task(
        "BertForQuestionAnswering", lambda: EMBEDDED,
        [name for name, kind in KINDS.items() if not kind.embeds], "squad/dev.json",
    ),
    "embedding": Task(
        "BertModel", minilm.checkpoint,
        [name for name, kind in KINDS.items() if kind.embeds], "stsb/stsb-en-dev.csv",
    ),
}  # fmt: skip


def shipped(task: Task, work: Path) -> Path:
    """Return the smallest student that keeps `KEPT` of its teacher's score, else the best."""
    students = [
        (one["score"] / one["teacher"], -one["parameters"], work / f"{name}-{seed}")
        for name, own in read(task.kinds, work).items()
        for seed, one in enumerate(own)
    ]
    if not students:
        raise SystemExit(f"{work} holds no student: run bench/tables/distil/students.py first")
    enough = [one for one in students if one[0] >= KEPT]
    return max(enough, key=lambda one: (one[1], one[0]))[2] if enough else max(students)[2]


def bundles(name: str, task: Task, work: Path) -> dict[str, Path]:
    """Export what is not there yet: BERT-base in fp32, teacher and student in int8, too."""
    folder = work / f"{name}-bundles"
    checkpoint = folder / "bert-base-checkpoint"
    if not checkpoint.is_dir():
        checkpoint.mkdir(parents=True)
        make_checkpoint(checkpoint, task.head, "BertConfig")
    student = shipped(task, work)
    made = {
        "bert-base": export(checkpoint, folder / "bert-base"),
        "teacher": export(task.teacher(), folder / "teacher"),
        "student": export(student, folder / student.name),
    }
    for key in ("teacher", "student"):
        if "int8" not in open_encoder(made[key]).bundle.manifest.variants:
            quantize_bundle(made[key], "int8")
    return made


def queries(bundle: Path, evaluated: Path) -> Queries:
    """Return what all answer."""
    encoder = open_encoder(bundle)
    if evaluated.suffix == ".json":
        pairs = [(e.question, e.context) for e in read_squad(evaluated).examples]
        asked = [pair for pair in pairs if sum(map(len, pair)) < LONGEST]
    else:
        with evaluated.open(encoding="utf-8", newline="") as opened:
            asked = [(row[0],) for row in csv.reader(opened)]
    chosen = asked[:: max(1, len(asked) // QUERIES)][:QUERIES]
    name = f"{len(chosen)} of {evaluated.name}"
    return make_queries(encoder, "queries", name, chosen)


def entries(made: Mapping[str, Path], threads: int) -> list[Entry]:
    """Return the models, BERT-base in fp32 first."""
    bert = find_entries([made["bert-base"]], ["fp32"], threads=threads, trained=False)
    others = [made["teacher"], made["student"]]
    return bert + find_entries(others, VARIANTS, threads=threads, trained=True)


@contextmanager
def told(what: str) -> Iterator[Callable[[int, int], None]]:
    """Say on stderr what is measured."""
    print(what, file=sys.stderr)
    yield lambda done, total: None


def figures(task: Task, made: Mapping[str, Path], data: Path, threads: int) -> list[dict[str, Any]]:
    """Measure all models of a task with so many threads."""
    evaluated = data / task.evaluated
    asked = queries(made["teacher"], evaluated)
    plan = Plan(entries(made, threads), asked, PROTOCOL, EFFORT, evaluated, LIMIT)
    journal = Journal(made["student"].with_suffix(f".{threads}.json"), plan.key())
    measurements = measure(plan, journal, told)
    where, runs = condition(measurements), measurements.runs
    fast = f"{made['teacher'].name}/int8"
    found = []
    for one in conclude(measurements).standings:
        name = one.model.id
        other = None if name == fast else compare(runs, name, fast, **where).ratio
        found.append({
            "model": name,
            "threads": threads,
            "bytes": one.model.bytes,
            "ms": 1e3 * one.forward.median.value,
            "speed": one.speed.ratio if one.speed else None,
            "beside_int8": other,
            "peak": one.peak,
            "score": one.score.value if one.score else None,
            "metric": one.score.metric if one.score else None,
        })  # fmt: skip
    return found


def row(one: Mapping[str, Any], teacher: float) -> list[str]:
    """Return one model's cells; `teacher` is the score of the teacher's fp32."""
    speed, beside = (one[key] and times(Estimate(*one[key])) for key in ("speed", "beside_int8"))
    score = one["score"]
    return [
        one["model"],
        str(one["threads"]),
        f"{one['bytes'] / 1e6:.1f}",
        f"{one['ms']:.2f}",
        speed or "1",
        beside or "1",
        f"{one['peak'] / 1e6:.0f}" if one["peak"] else "",
        f"{one['metric']} {score:.2f}" if score is not None else "random weights",
        f"{score / teacher:.1%}" if score is not None else "",
    ]


def render(found: Mapping[str, Any]) -> str:
    """Write the machine's line and a table a task."""
    parts = [f"{found['machine']}. {PAPER}."]
    for models in found["tasks"].values():
        [teacher, *_] = [one["score"] for one in models if one["model"] == "teacher/fp32"]
        parts.append(markdown(COLUMNS, [row(one, teacher) for one in models]))
    return "\n\n".join(parts)


def main() -> None:
    made = parser(__doc__)
    add_data(made)
    made.add_argument("--task", nargs="+", choices=TASKS, default=list(TASKS))
    made.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    arguments = made.parse_args()
    if arguments.work is None:
        made.error("--work is needed: it holds the students of bench/tables/distil/students.py")
    tasks = {}
    for name in arguments.task:
        task = TASKS[name]
        ready = bundles(name, task, arguments.work)
        tasks[name] = [
            one
            for threads in arguments.threads
            for one in figures(task, ready, arguments.data, threads)
        ]
    found = {"machine": machine(), "tasks": tasks}
    print(render(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
