"""What a teacher adds to a student, and each loss to what it learns.

    .venv/bin/python bench/tables/distil/students.py --data DATA --work DIR [--json FILE]
        [--side-by-side 2] [--only NAME ...]

minilm-l6-squad teaches students of 3 of its 6 layers on 36 articles of SQuAD train, and
all-MiniLM-L6-v2 two of 3 layers on the sentences of STS-B train and the same articles as texts
without labels, one of them with narrower layers. Students are scored on 6 articles of SQuAD dev,
and on STS-B dev. Each training is the command as a user gives it, in a process with one thread,
several side by side; one that was cut goes on. All have the same steps, learning rate and data.
DistilBERT's ablation is that of question answering: soft targets, labels in the place of masked
tokens, and the cosine of hidden states.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tables.shared import minilm
from tables.shared.figures import add_data, machine, markdown, parser
from tables.shared.places import EMBEDDED

COLUMNS = ("", "seeds", "score", "of the teacher's", "less than all losses", "minutes")
_RECORD = "edge_distil_student.json"
_COMMON = (
    "--layers", "3", "--precision", "bf16", "--threads", "1", "--learning-rate", "5e-4",
    "--dropout", "0",
)  # fmt: skip
_ANSWERS = ("--epochs", "2")
_VECTORS = ("--epochs", "5")


@dataclass(frozen=True)
class Kind:
    """A way to train a student.

    Attributes:
        name: What the table calls it.
        options: What the command gets beside `_COMMON`.
        seeds: How many students are trained.
        embeds: It is a student of all-MiniLM-L6-v2.
    """

    name: str
    options: tuple[str, ...] = ()
    seeds: int = 1
    embeds: bool = False


COSINE = ("--weight", "cosine=0.5")
KINDS = {
    "vectors": Kind("embeddings: the teacher's vectors", embeds=True),
    "narrow": Kind("and 1,024 of 1,536 neurons a layer", ("--width", "1024"), embeds=True),
    "usual": Kind("soft targets and labels: the usual recipe", seeds=2),
    "alone": Kind("labels alone: without a teacher", ("--weight", "soft=0"), seeds=2),
    "all": Kind("soft targets, labels and cosine", COSINE),
    "no-soft": Kind("without soft targets", ("--weight", "soft=0", *COSINE)),
    "no-labels": Kind("without labels", ("--weight", "labels=0", *COSINE)),
    "random": Kind("random weights to begin with", ("--random", *COSINE)),
}


def command(kind: Kind, seed: int, data: Path, output: Path) -> list[str]:
    """Return the command of a training."""
    squad, stsb = data / "squad", data / "stsb"
    if kind.embeds:
        files = [stsb / "stsb-en-train.csv", squad / "train.json"]
        evaluated, teacher, given = stsb / "stsb-en-dev.csv", minilm.checkpoint(), _VECTORS
    else:
        files = [squad / "train.json"]
        evaluated, teacher, given = squad / "dev.json", EMBEDDED, _ANSWERS
    read = [word for file in files for word in ("--data", str(file))]
    return [
        sys.executable, "-P", "-m", "edge_distil_apps.cli", "distil", str(teacher), *read,
        "--eval", str(evaluated), "-o", str(output), "--seed", str(seed), *_COMMON, *given,
        *kind.options, "--json",
    ]  # fmt: skip


def train(place: tuple[str, int], data: Path, work: Path) -> None:
    """Train one student, unless it is there."""
    name, seed = place
    output = work / f"{name}-{seed}"
    if output.is_dir():
        return
    print(f"training {output.name}", file=sys.stderr)
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (work / f"{output.name}.log").open("ab") as log:
        subprocess.run(
            command(KINDS[name], seed, data, output), check=True, env=alone,
            stdout=subprocess.DEVNULL, stderr=log,
        )  # fmt: skip


def read(names: Iterable[str], work: Path) -> dict[str, list[dict[str, Any]]]:
    """Return what the records of the students that are there say."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        for seed in range(KINDS[name].seeds):
            file = work / f"{name}-{seed}" / _RECORD
            if file.is_file():
                record = json.loads(file.read_text(encoding="utf-8"))
                found.setdefault(name, []).append(_figures(record))
    return found


def _figures(record: Mapping[str, Any]) -> dict[str, Any]:
    scores = record["scores"]
    metric = next(iter(scores["student"]))
    return {
        "metric": metric,
        "score": scores["student"][metric],
        "teacher": scores["teacher"][metric],
        "seconds": record["run"]["seconds"],
        "parameters": record["student"]["parameters"],
        "parameters_of_teacher": record["student"]["parameters_of_origin"],
    }


def row(name: str, own: Sequence[Mapping[str, Any]], whole: float | None) -> list[str]:
    """Return one kind's cells.

    Args:
        name: Of the kind.
        own: Its students.
        whole: The score with all losses, where this is one of the ablation.
    """
    scores = [one["score"] for one in own]
    mean, share = statistics.fmean(scores), [one["score"] / one["teacher"] for one in own]
    spread = f" ({min(scores):.2f}-{max(scores):.2f})" if len(scores) > 1 else ""
    ablated = name in ("no-soft", "no-labels", "random")
    return [
        KINDS[name].name,
        str(len(own)),
        f"{own[0]['metric']} {mean:.2f}{spread}",
        f"{statistics.fmean(share):.1%}",
        f"{mean - whole:+.2f}" if ablated and whole is not None else "",
        f"{statistics.fmean(one['seconds'] for one in own) / 60:.0f}",
    ]


def render(found: Mapping[str, Any]) -> str:
    """Write the machine's line and the table; of several seeds the mean (least-greatest)."""
    students = found["students"]
    whole = students["all"][0]["score"] if "all" in students else None
    rows = [row(name, own, whole) for name, own in students.items()]
    return f"{found['machine']}\n\n{markdown(COLUMNS, rows)}"


def main() -> None:
    made = parser(__doc__)
    add_data(made)
    made.add_argument("--side-by-side", type=int, default=os.cpu_count() or 1)
    made.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    arguments = made.parse_args()
    if arguments.work is None:
        made.error("--work is needed: the students are kept there")
    arguments.work.mkdir(parents=True, exist_ok=True)
    seeds = range(max(KINDS[name].seeds for name in arguments.only))
    places = [(name, seed) for seed in seeds for name in arguments.only if seed < KINDS[name].seeds]
    with ThreadPoolExecutor(arguments.side_by_side) as pool:
        list(pool.map(partial(train, data=arguments.data, work=arguments.work), places))
    found = {"machine": machine(), "students": read(KINDS, arguments.work)}
    print(render(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
