"""Questions of a document of 100,000 words: all windows read, or few, chosen by an embedding model.

    .venv/bin/python bench/tables/tasks/long_documents.py --data DATA [--variant int8] [--threads 2]
        [--words 100000] [--questions 50] [--json FILE] [--work DIR]

minilm-l6-squad answers and all-MiniLM-L6-v2 chooses, both of one variant. The document is made of
paragraphs in an order of chance: all of SQuAD dev, and as many of train as there is room for. Each
question is of another paragraph of dev, on which the model that answers was not trained; many say
little outside of theirs ("When did he leave?"). An answer is found where it overlaps the place of
an expected one. Each question is asked in every way before the next, in turns, A B C then C B A, in
one process; ratios are within a question, with their 95 % interval. Memory is what a fresh process
takes above its models, which have read a short text, and the document's text.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil.evaluate.squad import exact_match
from edge_distil_bench import speedup
from tables.shared import minilm
from tables.shared.figures import add_data, machine, markdown, parser, publish, shown, times
from tables.shared.places import EMBEDDED
from tables.shared.variants import export

SEED = 2018
ALL, CHOSEN = "all windows", (4, 8, 16)
COLUMNS = (
    "read", "windows", "the answer's place is read", "found", "exact match", "same answer as all",
    "seconds a question", "times as fast", "50 questions, seconds", "MB above models",
)  # fmt: skip


class Asked(NamedTuple):
    """A question, and the answers that are expected, by their texts and their places."""

    question: str
    answers: list[str]
    places: list[tuple[int, int]]


def build(data: Path, words: int, questions: int) -> tuple[str, list[Asked]]:
    """Return a document of about so many words, and questions of it."""
    draw = random.Random(SEED)
    dev, train = (_paragraphs(data / "squad" / f"{name}.json") for name in ("dev", "train"))
    planted = draw.sample(dev, questions)
    others = [paragraph for paragraph in dev if paragraph not in planted]
    draw.shuffle(train)
    chosen, count = [], 0
    for paragraph in [*planted, *others, *train]:
        if count < words:
            chosen.append(paragraph)
            count += len(paragraph["context"].split())
    draw.shuffle(chosen)
    starts, text = {}, ""
    for paragraph in chosen:
        starts[paragraph["context"]] = len(text)
        text += paragraph["context"] + "\n\n"
    asked = []
    for paragraph in planted:
        one, start = draw.choice(paragraph["qas"]), starts[paragraph["context"]]
        spans = [(answer["text"], start + answer["answer_start"]) for answer in one["answers"]]
        places = [(first, first + len(answer)) for answer, first in spans]
        asked.append(Asked(one["question"], [answer for answer, _ in spans], places))
    return text, asked


def _paragraphs(file: Path) -> list[dict[str, Any]]:
    articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    return [paragraph for article in articles for paragraph in article["paragraphs"]]


def measure(settings: Mapping[str, Any], **what: Any) -> Any:
    """Run a fresh process of `long_documents_worker`."""
    worker = str(Path(__file__).with_name("long_documents_worker.py"))
    command = [sys.executable, "-P", worker, json.dumps({**settings, **what})]
    threads = {"OMP_NUM_THREADS": str(settings["threads"])}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **threads}
    )
    return json.loads(done.stdout)


def judged(name: str, runs: Mapping[str, list[Any]], asked: Sequence[Asked]) -> dict[str, Any]:
    """Return how often a way of reading is right, and how fast it is beside reading all."""
    own, every = runs[name], runs[ALL]
    pairs = list(zip(own, asked, strict=True))
    seconds = [one["seconds"] for one in own]
    return {
        "windows": statistics.median(one["windows"] for one in own),
        "read": sum(_overlaps(one["read"], ask.places) for one, ask in pairs),
        "found": sum(_overlaps([one["place"]], ask.places) for one, ask in pairs),
        "exact": sum(
            any(exact_match(one["text"], answer) for answer in ask.answers) for one, ask in pairs
        ),
        "same": sum(one["place"] == other["place"] for one, other in zip(own, every, strict=True)),
        "seconds": statistics.median(seconds),
        "speedup": speedup([one["seconds"] for one in every], seconds),
        "together": sum(seconds),
    }


def _overlaps(read: Sequence[Sequence[int]], places: Sequence[tuple[int, int]]) -> bool:
    return any(start < last and first < end for start, end in read for first, last in places)


def table(figures: Mapping[str, Any]) -> str:
    """Return a row a way of reading, and what is paid once."""
    asked = figures["questions"]
    rows = [
        [
            name,
            f"{one['windows']:.0f}",
            *(f"{one[key]} of {asked}" for key in ("read", "found", "exact", "same")),
            f"{one['seconds']:.2f}",
            times(one["speedup"]),
            f"{one['together'] + (0 if name == ALL else figures['prepared']):.0f}",
            f"{figures['megabytes'][name]:.0f}" if name in figures["megabytes"] else "",
        ]
        for name, one in figures["ways"].items()
    ]
    once = (
        f"{figures['words']:,} words, {figures['variant']}, {figures['threads']} threads. "
        f"{figures['passages']:,} passages were embedded once, in {figures['prepared']:.1f} s, "
        f"which the column of {asked} questions holds."
    )
    columns = [column.replace("50 questions", f"{asked} questions") for column in COLUMNS]
    return f"{once}\n\n{markdown(columns, rows)}"


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def run(folder: Path, arguments: Any) -> dict[str, Any]:
    """Make the bundles and the document, ask, and weigh the processes."""
    text, asked = build(arguments.data, arguments.words, arguments.questions)
    (folder / "document.txt").write_text(text, encoding="utf-8")
    settings = {
        "qa": str(export(EMBEDDED, folder / "qa", "--int8")),
        "embedding": str(export(minilm.checkpoint(), folder / "minilm", "--int8")),
        "variant": arguments.variant,
        "threads": arguments.threads,
        "document": str(folder / "document.txt"),
        "chosen": CHOSEN,
    }
    found = measure(settings, asked=[one.question for one in asked])
    names = {str(most): f"{most} windows" for most in CHOSEN} | {"all": ALL}
    runs = {names[key]: own for key, own in found["runs"].items()}
    first = asked[0].question
    return {
        "words": len(text.split()),
        "questions": len(asked),
        "variant": arguments.variant,
        "threads": arguments.threads,
        "passages": found["passages"],
        "prepared": found["prepared"],
        "ways": {name: judged(name, runs, asked) for name in runs},
        "megabytes": {
            ALL: measure(settings, memory=[first, None])["megabytes"],
            names["8"]: measure(settings, memory=[first, 8])["megabytes"],
        },
    }


def main() -> None:
    made = parser(__doc__)
    add_data(made)
    made.add_argument("--variant", choices=("fp32", "int8"), default="int8")
    made.add_argument("--threads", type=int, default=2)
    made.add_argument("--words", type=int, default=100_000)
    made.add_argument("--questions", type=int, default=50)
    arguments = made.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = run(folder, arguments)
    publish(machine(), table(figures), figures, arguments.json)


if __name__ == "__main__":
    main()
