"""Seconds and peak memory of int8: DistilBERT-base with and without calibration, and BERT-base.

    .venv/bin/python bench/tables/int8/quantize_cost.py [--rounds 3] [--json FILE] [--work DIR]

Seeded random weights. Each round quantizes a fresh copy of the bundle in a fresh process, the
cases in turns; the seconds, by the clock and of the processor (the fairer figure on a machine that
does other work), are those of `quantize_bundle` inside it, the comparison with fp32 at its end
included. Memory is the whole process's peak, as the operating system counts it.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_distil.bundle import MODEL_FILES
from edge_distil_bench.protocol.commands import measure_command
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import machine, markdown, parser, publish, shown
from tables.shared.variants import export

QUANTIZE = """
import json, sys, time
from edge_distil_quantize import quantize_bundle
clocks = time.perf_counter, time.process_time
started = [clock() for clock in clocks]
quantize_bundle(sys.argv[1], "int8", calibrate=sys.argv[2] == "calibrated")
taken = [clock() - start for clock, start in zip(clocks, started)]
json.dump(taken, open(sys.argv[3], "w"))
"""
MODELS = {
    "DistilBERT-base": ("DistilBertForQuestionAnswering", "DistilBertConfig"),
    "BERT-base": ("BertForQuestionAnswering", "BertConfig"),
}
CASES = [
    ("DistilBERT-base", "calibrated"),
    ("DistilBERT-base", "not calibrated"),
    ("BERT-base", "calibrated"),
    ("BERT-base", "not calibrated"),
]


@dataclass(frozen=True)
class Cost:
    """One run: seconds inside, and the process's peak memory, also over the fp32 file's size."""

    seconds: float
    cpu: float
    megabytes: float
    over_file: float


def make_bundle(folder: Path, model: str) -> Path:
    """Export a model of transformers' default sizes, unless it is there."""
    bundle, checkpoint = folder / model, folder / f"{model}-checkpoint"
    if not bundle.is_dir() and not checkpoint.is_dir():
        make_checkpoint(checkpoint, *MODELS[model])
    return export(checkpoint, bundle)


def cost(bundle: Path, how: str) -> Cost:
    """Quantize a copy in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        copy, report = Path(temporary) / "bundle", Path(temporary) / "seconds"
        shutil.copytree(bundle, copy)
        whole = (copy / MODEL_FILES["fp32"]).stat().st_size
        run = measure_command([sys.executable, "-P", "-c", QUANTIZE, copy, how, report])
        seconds, cpu = json.loads(report.read_text())
    return Cost(seconds, cpu, run.megabytes, run.megabytes * 1e6 / whole)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=3)
    arguments = options.parse_args()
    costs: dict[tuple[str, str], list[Cost]] = {case: [] for case in CASES}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bundles = {model: make_bundle(folder, model) for model in MODELS}
        for _ in range(arguments.rounds):
            for model, how in CASES:
                costs[model, how].append(cost(bundles[model], how))
                print(f"{model}, {how}: {costs[model, how][-1]}", file=sys.stderr)
    figures = {
        f"{model}, {how}": {
            name: statistics.median(getattr(one, name) for one in found)
            for name in asdict(found[0])
        }
        for (model, how), found in costs.items()
    }
    publish(machine(), table(figures), figures, arguments.json)


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def table(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            f"{own['seconds']:.1f}",
            f"{own['cpu']:.1f}",
            f"{own['megabytes']:.0f} MB",
            f"{own['over_file']:.2f}",
        ]
        for name, own in figures.items()
    ]
    columns = ["", "seconds", "processor seconds", "peak memory", "peak memory / fp32 file"]
    return markdown(columns, rows)


if __name__ == "__main__":
    main()
