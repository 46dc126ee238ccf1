"""Questions and texts a second of each task's ``batch``, beside optimum and an earlier release.

    .venv/bin/python bench/tables/tasks/throughput.py --data DATA [--rounds 5] [--threads 2]
        [--inputs 240] [--task NAME ...] [--before CHECKOUT] [--json FILE] [--work DIR]

minilm-l6-squad, and for labels of texts and of tokens its encoder under a head of seeded random
weights: the time is that of a trained one. All read the same fp32 and int8 files. Mixed lengths:
SQuAD dev's questions on one paragraph or three (windows of 384 tokens), and its paragraphs and
questions, cut at 256 tokens for classification and at 400 characters for tokens, which the pipeline
does not read in windows. optimum runs as its users run it: the pipeline of transformers, with its
own batch size, 1, and once more with 8; questions by the code of `clients`, for transformers 5
dropped that pipeline. Each figure is from a fresh process, A B C A B C, that has read a few inputs
before. Ratios are taken round by round: median (least-greatest).
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
from typing import Any

from tables.shared.figures import add_data, machine, markdown, parser, shown
from tables.shared.places import EMBEDDED, peer_python

TASKS = ("question-answering", "text-classification", "token-classification")
PRECISIONS = ("fp32", "int8")
OURS, BEFORE, OPTIMUM, BATCHED = "edge-distil", "before", "optimum", "optimum, 8 a batch"
SEED = 2018
COLUMNS = (
    "", "inputs/s", "ours is so many times as fast", "in processor time", "peak MB",
    "same as ours", "greatest difference of a score",
)  # fmt: skip

Run = dict[str, Any]


def make_bundles(folder: Path, tasks: Sequence[str]) -> dict[str, Path]:
    """Export each task's model, fp32 and int8."""
    from transformers import (
        AutoTokenizer,
        BertForSequenceClassification,
        BertForTokenClassification,
    )

    from edge_distil_export import export_bundle
    from edge_distil_quantize import quantize_bundle

    heads = {TASKS[1]: BertForSequenceClassification, TASKS[2]: BertForTokenClassification}
    bundles = {task: folder / task for task in tasks}
    for task, bundle in bundles.items():
        if bundle.exists():
            continue
        checkpoint = EMBEDDED
        if task in heads:
            import torch

            torch.manual_seed(SEED)
            checkpoint = folder / f"{task}-checkpoint"
            heads[task].from_pretrained(EMBEDDED, num_labels=5).save_pretrained(checkpoint)
            AutoTokenizer.from_pretrained(EMBEDDED).save_pretrained(checkpoint)
        quantize_bundle(export_bundle(checkpoint, bundle), "int8")
    return bundles


def inputs(task: str, data: Path, count: int) -> list[Any]:
    """Return inputs of mixed lengths, the same in every run."""
    articles = json.loads((data / "squad" / "dev.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    generator = random.Random(SEED)
    contexts = [paragraph["context"] for paragraph in paragraphs]
    asked = [(qa["question"], number) for number, p in enumerate(paragraphs) for qa in p["qas"]]
    chosen = generator.sample(asked, count)
    if task == TASKS[0]:
        return [
            (question, " ".join(contexts[number : number + generator.choice((1, 1, 1, 3))]))
            for question, number in chosen
        ]
    texts = [question for question, _ in chosen[: count // 2]] + generator.sample(
        contexts, min(count - count // 2, len(contexts))
    )
    generator.shuffle(texts)
    return [text[:400] for text in texts] if task == TASKS[2] else texts


def measure(client: str, settings: Mapping[str, Any], before: Path | None) -> Run:
    """Run one client in a fresh process."""
    path = [str(before)] if client == BEFORE and before else []
    given = {**settings, "client": client, "path": path}
    python = peer_python("optimum_onnx") if client in (OPTIMUM, BATCHED) else sys.executable
    command = [python, "-P", str(Path(__file__).with_name("clients.py")), json.dumps(given)]
    threads = {"OMP_NUM_THREADS": str(settings["threads"]), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, **threads}
    )
    run: Run = json.loads(done.stdout.splitlines()[-1])
    print(f"{settings['task']} {settings['precision']} {client}: {run['rate']:.1f}/s, "
          f"{run['megabytes']:.0f} MB", file=sys.stderr)  # fmt: skip
    return run


def compare(ours: Sequence[Any], theirs: Sequence[Any]) -> tuple[float, float]:
    """Return the share of equal answers, and the greatest difference of a score among these."""
    same = [(a, b) for a, b in zip(ours, theirs, strict=True) if a[0] == b[0]]
    scores = [abs(x - y) for a, b in same for x, y in zip(a[1], b[1], strict=True)]
    return len(same) / len(ours), max(scores, default=0.0)


def figures_of(runs: Mapping[str, list[Run]]) -> dict[str, Any]:
    """Return what is kept of the runs of one task and precision."""
    kept = ("rate", "processor", "megabytes")
    found = {}
    for client, own in runs.items():
        share, difference = compare(runs[OURS][0]["answers"], own[0]["answers"])
        rounds = [{name: run[name] for name in kept} for run in own]
        found[client] = {"rounds": rounds, "same": share, "difference": difference}
    return found


def row(name: str, ours: Sequence[Run], client: Mapping[str, Any]) -> list[str]:
    """Write a client's cells."""
    own = client["rounds"]
    pairs = list(zip(ours, own, strict=True))
    faster = sorted(a["rate"] / b["rate"] for a, b in pairs)
    processor = statistics.median(b["processor"] / a["processor"] for a, b in pairs)
    return [
        name,
        f"{statistics.median(run['rate'] for run in own):.1f}",
        f"{statistics.median(faster):.2f} ({faster[0]:.2f}-{faster[-1]:.2f})",
        f"{processor:.2f}",
        f"{max(run['megabytes'] for run in own):.0f}",
        f"{client['same']:.1%}",
        f"{client['difference']:.1e}",
    ]


def render(document: Mapping[str, Any]) -> str:
    """Write the machine's line and the table."""
    rows = [
        row(f"{name}: {client}", clients[OURS]["rounds"], found)
        for name, clients in document["figures"].items()
        for client, found in clients.items()
    ]
    return shown(document, markdown(COLUMNS, rows))


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--inputs", type=int, default=240)
    options.add_argument("--task", choices=TASKS, action="append")
    options.add_argument("--precision", choices=PRECISIONS, action="append")
    options.add_argument("--before", type=Path, help="an earlier checkout, beside this one")
    arguments = options.parse_args()
    clients = [OURS, *([BEFORE] if arguments.before else []), OPTIMUM, BATCHED]
    figures = {}
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        for task, bundle in make_bundles(work, arguments.task or TASKS).items():
            given = Path(temporary) / f"{task}.json"
            given.write_text(json.dumps(inputs(task, arguments.data, arguments.inputs)), "utf-8")
            for precision in arguments.precision or PRECISIONS:
                settings = {"task": task, "bundle": str(bundle), "precision": precision,
                            "threads": arguments.threads, "inputs": str(given)}  # fmt: skip
                runs: dict[str, list[Run]] = {client: [] for client in clients}
                for _ in range(arguments.rounds):
                    for client in clients:
                        runs[client].append(measure(client, settings, arguments.before))
                figures[f"{task}, {precision}"] = figures_of(runs)
    line = f"{machine({'optimum-onnx': 'optimum_onnx'})}; {arguments.threads} threads"
    document = {"machine": f"{line}; {arguments.inputs} inputs", "figures": figures, "failed": {}}
    print(render(document))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
