"""int8 of DistilBERT-base against optimum's and CTranslate2's, side by side.

    .venv/bin/python bench/int8_latency.py [--rounds 40] [--json FILE] [--work DIR]

The plain encoder (a question-answering head adds 1,538 of 66 M parameters), seeded random
weights; batch 1, 1 thread. Every engine has a process of its own, all on one core, and waits until
it is asked; they take turns, and a time is from request to answer, about 0.05 ms more than the run
itself for each of them. ONNX files run on the same onnxruntime with the same options; optimum and
CTranslate2 (its own int8, its own defaults) live in environments below .interop. The outputs' mean
is compared with fp32's, so that all are seen to run the same model.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from distilbert import make_checkpoint
from figures import machine, markdown, parser, pin, publish, times
from processes import HERE, Worker, measure, peer_python
from variants import export

from edge_distil.bundle import MODEL_FILES
from edge_distil.evaluate.sts import cosines
from edge_distil_bench import alternate, median_interval, speedup

LENGTHS = (128, 384)  # tokens
VOCABULARY = 30522
OURS, FP32, CTRANSLATE2 = "edge-distil int8", "edge-distil fp32", "CTranslate2 int8"
OPTIMUM = {
    "optimum-cli --avx2": "--avx2",
    "optimum-cli --avx512_vnni": "--avx512_vnni",
}
PACKAGES = {"optimum-onnx": "optimum_onnx", "ctranslate2": "ctranslate2"}  # -> environment
PEERS = (*OPTIMUM, CTRANSLATE2)


def make_models(folder: Path) -> dict[str, tuple[Path | str, str, Path]]:
    """Make what is not there yet; return name -> interpreter, kind of engine and model."""
    checkpoint, bundle, onnx = folder / "checkpoint", folder / "bundle", folder / "optimum"
    optimum = peer_python("optimum_onnx").with_name("optimum-cli")
    converter = peer_python("ctranslate2").with_name("ct2-transformers-converter")
    if not checkpoint.is_dir():
        make_checkpoint(checkpoint, "DistilBertModel")
    export(checkpoint, bundle, "--task", "feature-extraction", "--int8")
    _once(onnx, [optimum, "export", "onnx", "-m", checkpoint, "--task", "feature-extraction",
                 "--library", "transformers", onnx])  # fmt: skip
    for flag in OPTIMUM.values():
        made = folder / f"optimum{flag}"
        _once(made, [optimum, "onnxruntime", "quantize", flag, "--onnx_model", onnx, "-o", made])
    converted = folder / "ctranslate2"
    _once(converted, [converter, "--model", checkpoint, "--quantization", "int8",
                      "--output_dir", converted])  # fmt: skip
    return {
        FP32: (sys.executable, "onnx", bundle / MODEL_FILES["fp32"]),
        OURS: (sys.executable, "onnx", bundle / MODEL_FILES["int8"]),
        **{
            name: (sys.executable, "onnx", folder / f"optimum{flag}" / "model_quantized.onnx")
            for name, flag in OPTIMUM.items()
        },
        CTRANSLATE2: (peer_python("ctranslate2"), "ctranslate2", converted),
    }


def _once(made: Path, command: list[Any]) -> None:
    if not made.is_dir():
        print(f"making {made.name}", file=sys.stderr)
        measure(command)


def time_all(workers: Mapping[str, Worker], tokens: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Check that all give the same output, then time them in turns."""
    shown = {name: json.loads(worker.ask(f"{tokens} show")) for name, worker in workers.items()}
    asked = {name: partial(worker.ask, str(tokens)) for name, worker in workers.items()}
    taken = alternate(asked, rounds=rounds)
    return {
        name: {
            "cosine": float(cosines([shown[FP32]], [shown[name]])[0]),
            "milliseconds": median_interval([1000 * t for t in own]),
            "over_fp32": speedup(taken[FP32], own),
            # Latency over latency, as the targets are given: below 1 is faster than the peer.
            **{f"latency_over {peer}": speedup(own, taken[peer]) for peer in PEERS},
        }
        for name, own in taken.items()
    }


def row(name: str, tokens: int, figures: Mapping[str, Any]) -> list[str]:
    return [
        name,
        str(tokens),
        f"{figures['milliseconds'].value:.2f}",
        times(figures["over_fp32"]),
        *(times(figures[f"latency_over {peer}"]) for peer in PEERS),
        f"{figures['cosine']:.5f}",
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=40)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = arguments.work or Path(temporary)
        models = make_models(folder)
        pin()
        inputs = folder / "inputs.json"
        random = np.random.default_rng(2018)
        ids = {length: random.integers(1000, VOCABULARY, length).tolist() for length in LENGTHS}
        inputs.write_text(json.dumps(ids), encoding="utf-8")
        workers = {
            name: Worker([python, HERE / "worker.py", kind, model, inputs])
            for name, (python, kind, model) in models.items()
        }
        for worker in workers.values():
            stack.callback(worker.end)
        figures = {length: time_all(workers, length, arguments.rounds) for length in LENGTHS}
    columns = ["", "tokens", "ms", "speed / fp32", *(f"latency / {peer}" for peer in PEERS),
               "cosine to fp32"]  # fmt: skip
    rows = [
        row(name, length, own) for length, all_ in figures.items() for name, own in all_.items()
    ]
    publish(machine(PACKAGES), markdown(columns, rows), figures, arguments.json)


if __name__ == "__main__":
    main()
