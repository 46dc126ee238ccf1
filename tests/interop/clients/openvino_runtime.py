"""Open a bundle's ONNX file with OpenVINO and print vectors, or logits, as JSON.

Usage: python openvino_runtime.py BUNDLE FILE REQUEST.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino.properties.hint as hints
from tokenizers import Encoding, Tokenizer


def load(bundle: Path, file: str) -> tuple[Tokenizer, ov.CompiledModel]:
    """Read the tokenizer and compile the model for the CPU in 32-bit floating point.

    Without the hint OpenVINO may compute in bfloat16 or float16 where the CPU has them.
    """
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    core = ov.Core()
    model = core.read_model(bundle / file)
    settings = {hints.inference_precision: ov.Type.f32}
    return tokenizer, core.compile_model(model, "CPU", settings)


def feed(model: ov.CompiledModel, batch: list[Encoding]) -> dict[str, np.ndarray]:
    """Give the model the inputs it names, int64, (batch, sequence)."""
    arrays = {
        "input_ids": np.array([e.ids for e in batch], np.int64),
        "attention_mask": np.array([e.attention_mask for e in batch], np.int64),
        "token_type_ids": np.array([e.type_ids for e in batch], np.int64),
    }
    return {name: arrays[name] for port in model.inputs for name in port.names if name in arrays}


def embed(tokenizer: Tokenizer, model: ov.CompiledModel, request: dict[str, Any]) -> dict[str, Any]:
    """Read the pooled, normalised output of the graph itself."""
    tokenizer.enable_truncation(request["max_length"])
    tokenizer.enable_padding()
    vectors: list[list[float]] = []
    for first in range(0, len(request["texts"]), request["batch_size"]):
        batch = tokenizer.encode_batch(request["texts"][first : first + request["batch_size"]])
        vectors += model(feed(model, batch))["sentence_embedding"].tolist()
    return {"vectors": vectors}


def answer(
    tokenizer: Tokenizer, model: ov.CompiledModel, request: dict[str, Any]
) -> dict[str, Any]:
    """Read both logits of every pair, one pair a call."""
    tokenizer.enable_truncation(request["max_length"], strategy="only_second")
    tokenizer.no_padding()
    result: dict[str, Any] = {"start_logits": [], "end_logits": []}
    for question, context in request["pairs"]:
        outputs = model(feed(model, [tokenizer.encode(question, context)]))
        for name, rows in result.items():
            rows.append(outputs[name][0].tolist())
    return result


def main(bundle: str, file: str, request_path: str) -> None:
    """Run the request as a user of the library would.

    Args:
        bundle: The bundle directory.
        file: The model file inside it, such as ``onnx/model_quantized.onnx``.
        request_path: A JSON file, ``{"texts": [...], "batch_size": int, "max_length": int}`` or
            ``{"pairs": [[question, context]], "max_length": int}``.
    """
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    tokenizer, model = load(Path(bundle), file)
    run = answer if "pairs" in request else embed
    print(json.dumps(run(tokenizer, model, request)))


if __name__ == "__main__":
    main(*sys.argv[1:])
