"""Make a peer's model from a checkpoint as its documentation says; runs in the peer's interpreter.

Usage: python convert.py PEER CHECKPOINT FOLDER TASK PRECISION [SOURCE]

SOURCE: for optimum's int8, its fp32 folder. PRECISION: ``fp32``, ``int8``, or for optimum's int8
the flag of its command line (``avx2``, ``avx512_vnni``, ``arm64``, ...).
"""

import sys
from pathlib import Path
from typing import Any

# Heads of one linear layer over every token: these can be put back on a plain encoder.
_LINEAR_HEADS = {
    "question-answering": ("AutoModelForQuestionAnswering", "qa_outputs"),
    "token-classification": ("AutoModelForTokenClassification", "classifier"),
}
_HEADLESS = ("feature-extraction", "sentence-similarity")


def optimum(checkpoint: str, folder: str, task: str, precision: str, *source: str) -> None:
    """Run ``optimum-cli export onnx``, or ``optimum-cli onnxruntime quantize``."""
    from optimum.commands.optimum_cli import main

    if precision == "fp32":
        task = "feature-extraction" if task in _HEADLESS else task
        words = ["export", "onnx", "-m", checkpoint, "--task", task, "--library", "transformers"]
        sys.argv = ["optimum-cli", *words, folder]
    else:
        words = ["onnxruntime", "quantize", f"--{precision}", "--onnx_model", *source]
        sys.argv = ["optimum-cli", *words, "-o", folder]
    main()


def ctranslate2(checkpoint: str, folder: str, task: str, precision: str) -> None:
    """Convert the encoder, and keep the head beside it so that outputs can be compared."""
    import numpy as np
    from ctranslate2.converters import TransformersConverter

    if task not in (*_LINEAR_HEADS, *_HEADLESS):
        raise SystemExit(f"CTranslate2 runs the encoder alone, and {task} has a head behind it")
    quantization = {"fp32": "float32"}.get(precision, precision)
    # force: the folder is there, and empty
    TransformersConverter(checkpoint).convert(folder, quantization=quantization, force=True)
    np.savez(Path(folder) / "head.npz", **_head(checkpoint, task))


def _head(checkpoint: str, task: str) -> dict[str, Any]:
    if task in _HEADLESS:
        return {}
    import transformers

    kind, name = _LINEAR_HEADS[task]
    layer = getattr(getattr(transformers, kind).from_pretrained(checkpoint).float(), name)
    weights = {key: value.detach().numpy() for key, value in layer.named_parameters()}
    return {**weights, "spans": task == "question-answering"}


if __name__ == "__main__":
    {"optimum": optimum, "ctranslate2": ctranslate2}[sys.argv[1]](*sys.argv[2:])
