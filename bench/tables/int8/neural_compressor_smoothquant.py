"""SmoothQuant by neural-compressor 2.6, in its own environment.

Usage: python neural_compressor_smoothquant.py MODEL.onnx OUTPUT.onnx INPUTS.json

INPUTS.json: a list of ``{input name: [[id, ...]]}`` to calibrate on.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from neural_compressor import PostTrainingQuantConfig, quantization


class Loader:
    """Gives the inputs one by one, with a label that nothing reads.

    SmoothQuant takes inputs of one length only (it stacks activations): each is padded, masked.
    """

    batch_size = 1

    def __init__(self, inputs: list[dict[str, Any]]) -> None:
        """Pad every input to the longest."""
        longest = max(len(feeds["input_ids"][0]) for feeds in inputs)
        self.inputs = [
            {name: np.array([row + [0] * (longest - len(row))]) for name, [row] in feeds.items()}
            for feeds in inputs
        ]

    def __iter__(self) -> Iterator[tuple[dict[str, Any], int]]:
        """Yield input and label."""
        for feeds in self.inputs:
            yield feeds, 0


def main(model: str, output: str, inputs: str) -> None:
    """Quantize with the recipe's own strength of smoothing, 0.5."""
    loader = Loader(json.loads(Path(inputs).read_text(encoding="utf-8")))
    settings = PostTrainingQuantConfig(
        approach="static",
        quant_level=1,
        recipes={"smooth_quant": True, "smooth_quant_args": {"alpha": 0.5}},
        calibration_sampling_size=[len(loader.inputs)],
    )
    model, output = os.path.abspath(model), os.path.abspath(output)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # it writes a workspace where it runs
        quantization.fit(model, settings, calib_dataloader=loader).save(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
