"""Every variant of the embedded checkpoint minilm-l6-squad on SQuAD: F1, EM, agreement, size.

    .venv/bin/python bench/tables/int8/qa_accuracy.py --data DATA [--json FILE] [--work DIR]

DATA/squad/dev.json holds 1,246 questions on 6 articles that the checkpoint was not trained on;
scores do not compare with those published for the whole development set. Agreement is the share
of questions with the same answer text as fp32's. The same figures: edge-distil eval.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import edge_distil as ed
from edge_distil.evaluate import Evaluation, compare_predictions, evaluate
from tables.shared.figures import add_data, machine, markdown, parser, publish, shown
from tables.shared.places import EMBEDDED
from tables.shared.variants import FP32, make_variants

COLUMNS = ["variant", "size / fp32", "F1", "F1 / fp32's", "EM", "same answers as fp32"]


def run(folder: Path, data: Path) -> dict[str, dict[str, Any]]:
    variants = make_variants(folder, EMBEDDED, data / "squad" / "train.json")
    scored: dict[str, Evaluation] = {}
    for name, made in variants.items():
        print(f"evaluating {name}", file=sys.stderr)
        scored[name] = evaluate(
            ed.load(made.bundle, variant=made.variant), data / "squad" / "dev.json"
        )
    whole = variants[FP32].file.stat().st_size
    return {
        name: {
            **own.to_dict(),
            "size": variants[name].file.stat().st_size / whole,
            "f1_over_fp32": own.metrics["f1"] / scored[FP32].metrics["f1"],
            "agreement": compare_predictions(
                own.task, scored[FP32].predictions, own.predictions
            ).agreement,
        }
        for name, own in scored.items()
    }


def row(name: str, figures: Mapping[str, Any]) -> list[str]:
    return [
        name,
        f"{figures['size']:.3f}",
        f"{figures['metrics']['f1']:.2f}",
        f"{figures['f1_over_fp32']:.2%}",
        f"{figures['metrics']['exact']:.2f}",
        f"{figures['agreement']:.2%}",
    ]


def table(figures: Mapping[str, Any]) -> str:
    return markdown(COLUMNS, [row(name, own) for name, own in figures.items()])


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        figures = run(arguments.work or Path(temporary), arguments.data)
    publish(machine(), table(figures), figures, arguments.json)


if __name__ == "__main__":
    main()
