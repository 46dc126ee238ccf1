"""Core ML packages of real sizes: do they convert, how long does it take, how large, how near?

    .venv/bin/python bench/tables/coreml/packages.py [--only MODEL ...] [--work DIR] [--json FILE]

Five models: DistilBERT-base with seeded random weights for question answering, classification and
masked language modelling, the embedded minilm-l6-squad, and all-MiniLM-L6-v2. Each with one length,
several (iOS 18) and a range, in fp16; with one length compressed as well. Times are of writing and
of proving, operation by operation in numpy, on one machine, once: for orientation.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from edge_distil.bundle import open_bundle
from edge_distil_export.coreml import add_coreml
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import machine, markdown, parser, publish
from tables.shared.minilm import checkpoint as find_sentence_model
from tables.shared.places import EMBEDDED
from tables.shared.variants import export

COMPRESSIONS = ("int8", "palette6", "palette4")
RANDOM = {
    "distilbert-base, question answering": "DistilBertForQuestionAnswering",
    "distilbert-base, classification": "DistilBertForSequenceClassification",
    "distilbert-base, masked LM": "DistilBertForMaskedLM",
}
REAL = {"minilm-l6-squad": lambda: EMBEDDED, "all-MiniLM-L6-v2": find_sentence_model}
# Lengths -> oldest system, compressions.
PACKAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "128": ("iOS16", COMPRESSIONS),
    "enumerated": ("iOS18", ()),
    "range": ("iOS16", ()),
}


def convert(bundle: Path, checkpoint: Path, lengths: str) -> dict[str, dict[str, Any]]:
    """Make the packages of one kind of lengths; return variant -> figures."""
    shutil.rmtree(bundle / "coreml", ignore_errors=True)
    target, compressions = PACKAGES[lengths]
    started = time.perf_counter()
    made = add_coreml(
        bundle, checkpoint, lengths=lengths, target=target, compressions=compressions,
        overwrite=True,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    variants = made.manifest.variants
    return {
        name: {
            "size": one.bytes / variants["fp32"].bytes,
            "megabytes": one.bytes / 1e6,
            "max_abs_diff": one.evidence["parity"]["max_abs_diff"],
            "seconds": seconds if name == "coreml" and not compressions else None,
            "all_seconds": seconds if name == "coreml" and compressions else None,
        }
        for name, one in variants.items()
        if name.startswith("coreml")
    }


def rows(model: str, lengths: str, found: dict[str, dict[str, Any]]) -> list[list[str]]:
    def seconds(one: dict[str, Any]) -> str:
        if one["all_seconds"]:
            return f"{one['all_seconds']:.0f}, all four"
        return f"{one['seconds']:.0f}" if one["seconds"] else ""

    return [
        [
            f"{model}, {lengths}", "fp16" if name == "coreml" else name.removeprefix("coreml-"),
            f"{one['megabytes']:.1f}", f"{one['size']:.4f}", f"{one['max_abs_diff']:.1e}",
            seconds(one),
        ]
        for name, one in found.items()
    ]  # fmt: skip


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--only", nargs="*", default=[*RANDOM, *REAL], help="so named models")
    arguments = options.parse_args()
    figures: dict[str, Any] = {}
    table: list[list[str]] = []
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        for number, model in enumerate(arguments.only):
            checkpoint = REAL[model]() if model in REAL else work / f"checkpoint-{number}"
            if not checkpoint.is_dir():
                make_checkpoint(checkpoint, RANDOM[model])
            bundle = export(checkpoint, work / f"bundle-{number}")
            for lengths in PACKAGES:
                found = convert(open_bundle(bundle).path, checkpoint, lengths)
                figures[f"{model}, {lengths}"] = found
                table += rows(model, lengths, found)
                print(*table[-len(found) :], sep="\n", flush=True)
    columns = ["model, lengths", "variant", "MB", "/ fp32 ONNX", "outputs, from PyTorch", "seconds"]
    publish(machine(), markdown(columns, table), figures, arguments.json)


if __name__ == "__main__":
    main()
