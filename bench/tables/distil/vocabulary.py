"""A vocabulary cut to the texts of one field: what it saves of minilm-l6-squad, exactly.

    .venv/bin/python bench/tables/distil/vocabulary.py --data DATA [--json FILE] [--work DIR]

The vocabulary is cut to the passages and questions of SQuAD dev's 6 articles. Both checkpoints are
exported in fp32 and int8; each file runs in a fresh process that answers 32 of these questions, and
memory is what is resident of it (MB, 10^6 bytes), above a process that has imported nothing. The
last column is F1 on the same 1,246 questions.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import Any

import edge_distil
from edge_distil.bundle import open_bundle
from edge_distil.encoder import open_encoder
from edge_distil.evaluate import evaluate
from edge_distil.evaluate.squad_file import read_squad
from edge_distil_bench.costs.memory import measure_memory
from edge_distil_bench.protocol.processes import participant
from edge_distil_bench.protocol.queries import make_queries
from edge_distil_distil.data.texts import read_texts
from edge_distil_distil.smaller import cut_vocabulary
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle
from tables.shared.figures import add_data, machine, markdown, parser, publish
from tables.shared.places import TABLES

CHECKPOINT = TABLES.parents[1] / "apps" / "models" / "minilm-l6-squad"
VARIANTS = ("fp32", "int8")
COLUMNS = ("", "pieces", "file MB", "loaded MB", "peak MB", "F1")


def make(folder: Path, texts: list[str]) -> dict[str, Path]:
    """Make both bundles where they are not there yet."""
    cut = folder / "cut"
    if not cut.is_dir():
        found = cut_vocabulary(CHECKPOINT, cut, texts)
        print({**dataclasses.asdict(found), "path": cut.name}, file=sys.stderr)
    bundles = {"whole": folder / "whole-bundle", "cut": folder / "cut-bundle"}
    for checkpoint, bundle in zip((CHECKPOINT, cut), bundles.values(), strict=True):
        if not bundle.is_dir():
            quantize_bundle(export_bundle(checkpoint, bundle), "int8")
    return bundles


def measure(bundle: Path, variant: str, squad: Path) -> dict[str, Any]:
    """Read the memory of a fresh process, and score the file."""
    examples = read_squad(squad).examples
    encoder = open_encoder(bundle, variant=variant)
    asked = [(e.question, e.context) for e in examples[:: len(examples) // 40]]
    short = [pair for pair in asked if sum(map(len, pair)) < 1200]  # one window of 384 tokens
    queries = make_queries(encoder, "questions", "questions of SQuAD dev", short)
    found = measure_memory(participant("m", bundle, variant, 1), queries)
    record = open_bundle(bundle).manifest.variants[variant].file
    scored = evaluate(edge_distil.load(bundle, variant=variant, threads=1), squad)
    baseline = found.baseline or 0
    return {
        "pieces": encoder.tokenizer.size(),
        "bytes": record.bytes,
        "loaded": (found.loaded or 0) - baseline,
        "peak": (found.peak or 0) - baseline,
        "f1": scored.metrics["f1"],
    }


def row(name: str, one: dict[str, Any]) -> list[str]:
    sizes = (one["bytes"], one["loaded"], one["peak"])
    return [
        name,
        f"{one['pieces']:,}",
        *(f"{size / 1e6:.1f}" for size in sizes),
        f"{one['f1']:.2f}",
    ]


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    arguments = options.parse_args()
    squad = arguments.data / "squad" / "dev.json"
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bundles = make(folder, read_texts([squad]))
        found = {
            f"{name}, {variant}": measure(bundle, variant, squad)
            for variant in VARIANTS
            for name, bundle in bundles.items()
        }
    rows = [row(name, one) for name, one in found.items()]
    publish(machine(), markdown(list(COLUMNS), rows), found, arguments.json)


if __name__ == "__main__":
    main()
