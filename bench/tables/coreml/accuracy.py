"""Core ML packages of minilm-l6-squad on SQuAD: size, F1, EM and agreement, without a Mac.

    .venv/bin/python bench/tables/coreml/accuracy.py --data DATA [--questions 200] [--json FILE]

The packages run through the runtime's own session, over the evaluator that proves them at export:
what is stored is exact, the hardware's order of sums is not. Agreement is the share of questions
with the same answer text as the fp32 ONNX model's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edge_distil as ed
from edge_distil.encoder import open_coreml
from edge_distil.evaluate import compare_predictions, evaluate
from edge_distil_export import export_bundle
from edge_distil_export.coreml import add_coreml
from edge_distil_export.coreml.evaluate import Program
from tables.shared.figures import add_data, machine, markdown, parser, publish
from tables.shared.places import EMBEDDED

COMPRESSIONS = ("int8", "palette6", "palette4")


def run(folder: Path, data: Path, questions: int) -> dict[str, dict[str, Any]]:
    bundle = export_bundle(EMBEDDED, folder / "bundle")
    bundle = add_coreml(bundle, EMBEDDED, compressions=COMPRESSIONS)
    file, variants = data / "squad" / "dev.json", bundle.manifest.variants
    reference = evaluate(ed.load(bundle.path, variant="fp32"), file, limit=questions)
    figures = {}
    for name, variant in variants.items():
        own = reference
        if name != "fp32":
            encoder = open_coreml(bundle, name, Program(bundle.model_path(name)))
            own = evaluate(ed.QuestionAnswering(encoder), file, limit=questions)
        figures[name] = {
            **own.to_dict(),
            "size": variant.bytes / variants["fp32"].bytes,
            "max_abs_diff": variant.evidence["parity"]["max_abs_diff"],
            "agreement": compare_predictions(
                own.task, reference.predictions, own.predictions
            ).agreement,
        }
    return figures


def row(name: str, figures: Mapping[str, Any]) -> list[str]:
    return [
        name,
        f"{figures['size']:.3f}",
        f"{figures['max_abs_diff']:.1e}",
        f"{figures['metrics']['f1']:.2f}",
        f"{figures['metrics']['exact']:.2f}",
        f"{figures['agreement']:.1%}",
    ]


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--questions", type=int, default=200, help="so many of the file")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = run(Path(temporary), arguments.data, arguments.questions)
    columns = ["variant", "size / fp32", "logits", "F1", "EM", "same answers as fp32"]
    table = markdown(columns, [row(name, own) for name, own in figures.items()])
    publish(machine(), table, figures, arguments.json)


if __name__ == "__main__":
    main()
