"""What each step of int8's calibration is worth: fidelity to fp32 with and without it.

    .venv/bin/python bench/int8_ablation.py BUNDLE --data FILE [--calibrate-on FILE]

An embedding bundle takes STS-B's dev.csv, one for question answering SQuAD's dev.json.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from unittest.mock import patch

import edge_distil
from edge_distil import evaluate
from edge_distil_quantize import api, quantize_bundle
from edge_distil_quantize.calibration.steps import Steps
from edge_distil_quantize.recipe import Recipe
from edge_distil_quantize.recipes import int8

VARIATIONS = {
    "no calibration": Steps(smoothing=False, rounding=False),
    "smoothing": Steps(rounding=False),
    "rounding on data": Steps(smoothing=False),
    "both (default)": Steps(),
}
FIGURES = ("agreement", "cosine_mean", "cosine_min", "mean_difference")


def quantized(folder: Path, steps: Steps, data: Path | None) -> float:
    """Quantize a bundle with some of the steps; returns the seconds that it took."""
    started = time.perf_counter()
    recipe = Recipe(partial(int8.make, steps=steps), calibrated=True)
    with patch.object(api, "RECIPES", {"int8": recipe}):
        quantize_bundle(folder, data=data, calibrate=any(steps))
    return time.perf_counter() - started


def row(name: str, metrics: dict[str, float], figures: dict[str, float], seconds: float) -> str:
    cells = [f"{key} {value:.2f}" for key, value in metrics.items()]
    cells += [f"{key} {figures[key]:.5f}" for key in FIGURES if key in figures]
    return " | ".join([name, *cells, f"{seconds:.0f} s"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--calibrate-on", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(arguments.bundle, Path(temporary) / "bundle"))
        reference = edge_distil.load(folder, variant="fp32", threads=1)
        exact = evaluate.evaluate(reference, arguments.data)
        print(row("fp32", exact.metrics, {}, 0))
        for name, steps in VARIATIONS.items():
            seconds = quantized(folder, steps, arguments.calibrate_on)
            task = edge_distil.load(folder, variant="int8", threads=1)
            metrics = evaluate.evaluate(task, arguments.data).metrics
            figures = evaluate.compare(reference, task, arguments.data).to_dict()
            print(row(name, metrics, figures, seconds), flush=True)


if __name__ == "__main__":
    main()
