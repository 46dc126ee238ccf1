"""A model made to break, repaired within a budget: ours against keeping the whole layer in fp32.

    .venv/bin/python bench/tables/int8/accuracy_budget.py --data dev-v1.1.json [--no-calibration]

The embedded checkpoint, with one channel of what layer 3's feed-forward half reads made 50 times as
large; fp32 computes the same, int8 does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import onnx
import onnx_ir as ir

import edge_distil as ed
from edge_distil.bundle import Bundle
from edge_distil.evaluate import evaluate
from edge_distil_bench import time_ratio
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle, quantize_within_budget
from edge_distil_quantize.rewrites.operators import find_operators
from tables.shared.places import EMBEDDED, REPOSITORY

sys.path.insert(0, str(REPOSITORY / "tests" / "quantize"))
from outliers import break_bundle

NORM = "node_layer_norm_7"
LAYER = "encoder.layer.3."
HEADER = """| | F1 | EM | file | kept in fp32 |
|---|--:|--:|--:|---|"""


def row(name: str, bundle: Bundle, variant: str, data: Path, kept: str = "") -> str:
    metrics = evaluate(ed.load(bundle.path, variant=variant), data).metrics
    size = bundle.manifest.variants[variant].file.bytes / 1e6
    return f"| {name} | {metrics['f1']:.2f} | {metrics['exact']:.2f} | {size:.2f} MB | {kept} |"


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--max-drop", type=float, default=0.5)
    parser.add_argument("--no-calibration", action="store_true")
    options = parser.parse_args()
    data, calibrate = options.data, not options.no_calibration
    with tempfile.TemporaryDirectory() as temporary:
        exported = export_bundle(EMBEDDED, Path(temporary) / "broken", progress=note)
        bundle = break_bundle(exported, NORM)
        rows = [HEADER, row("fp32", bundle, "fp32", data)]
        plain = quantize_bundle(bundle, data=data, calibrate=calibrate, progress=note)
        rows.append(row("int8", plain, "int8", data))
        found = quantize_within_budget(
            bundle,
            data=data,
            max_drop=options.max_drop,
            calibrate=calibrate,
            time_ratio=time_ratio,
            progress=note,
        )
        budget = found.manifest.variants["int8"].evidence["accuracy_budget"]
        name = f"int8 --max-drop {options.max_drop:g}"
        rows.append(row(name, found, "int8", data, ", ".join(budget["kept"].values())))
        operators = find_operators(ir.from_proto(onnx.load(bundle.model_path("fp32"))).graph)
        layer = [o.name for o in operators if o.label.startswith(LAYER)]
        whole = quantize_bundle(bundle, data=data, calibrate=calibrate, keep=layer, progress=note)
        rows.append(row("the whole layer", whole, "int8", data, f"{len(layer)} operators"))
        print("\n".join(rows))
        print(f"\n{budget['evaluations']} evaluations; time {budget['time_added']:+.1%}")


if __name__ == "__main__":
    main()
