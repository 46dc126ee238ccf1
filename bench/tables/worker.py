"""A process that runs one encoder whenever it is asked to, in whatever environment has it.

Usage: python worker.py onnx FILE.onnx INPUTS.json
       python worker.py ctranslate2 FOLDER INPUTS.json

INPUTS.json: length in tokens -> token ids. Each line on stdin is a length; the answer is an empty
line when that input has run. With ``show`` behind the length it is the output's mean, as JSON.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def onnx(file: str) -> Callable[[list[int]], Any]:
    """Open a file as edge-distil's runtime does."""
    import numpy as np

    from edge_distil.session import OnnxSession

    session = OnnxSession(Path(file), threads=1)

    def run(ids: list[int]) -> Any:
        row = np.array([ids])  # (1, sequence)
        [hidden] = session.run({"input_ids": row, "attention_mask": np.ones_like(row)}).values()
        return hidden

    return run


def ctranslate2(folder: str) -> Callable[[list[int]], Any]:
    """Open a converted model, with its numbers for int8 on a CPU."""
    import ctranslate2
    import numpy as np

    encoder = ctranslate2.Encoder(folder, device="cpu", compute_type="int8", intra_threads=1)

    def run(ids: list[int]) -> Any:
        row = ctranslate2.StorageView.from_array(np.array([ids], np.int32))
        length = ctranslate2.StorageView.from_array(np.array([len(ids)], np.int32))
        return np.asarray(encoder.forward_batch(row, length).last_hidden_state)

    return run


def main(kind: str, model: str, inputs: str) -> None:
    """Answer until stdin ends."""
    run = {"onnx": onnx, "ctranslate2": ctranslate2}[kind](model)
    texts = json.loads(Path(inputs).read_text(encoding="utf-8"))
    for line in sys.stdin:
        tokens, *show = line.split()
        hidden = run(texts[tokens])  # (1, sequence, hidden)
        print(json.dumps(hidden[0].mean(axis=0).tolist()) if show else "", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
