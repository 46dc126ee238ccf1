"""Open a bundle with optimum-onnx and print vectors, or answers and logits, as JSON.

Usage: python optimum_onnx.py BUNDLE FILE REQUEST.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from optimum.onnxruntime import (
    ORTModelForFeatureExtraction,
    ORTModelForQuestionAnswering,
    pipeline,
)
from transformers import AutoTokenizer


def embed(bundle: str, where: dict[str, str], request: dict[str, Any]) -> dict[str, Any]:
    """Mean-pool and normalise the model's hidden states, as its model card shows."""
    tokenizer = AutoTokenizer.from_pretrained(bundle)
    model = ORTModelForFeatureExtraction.from_pretrained(bundle, **where)
    vectors: list[list[float]] = []
    for first in range(0, len(request["texts"]), request["batch_size"]):
        batch = tokenizer(
            request["texts"][first : first + request["batch_size"]],
            padding=True,
            truncation=True,
            max_length=request["max_length"],
            return_tensors="pt",
        )
        hidden = model(**batch).last_hidden_state  # (batch, sequence, hidden)
        mask = batch["attention_mask"].unsqueeze(-1).float()
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        vectors += torch.nn.functional.normalize(pooled, dim=-1).tolist()
    return {"vectors": vectors}


def answer(bundle: str, where: dict[str, str], request: dict[str, Any]) -> dict[str, Any]:
    """Ask every pair through the question-answering pipeline; add the model's raw logits."""
    tokenizer = AutoTokenizer.from_pretrained(bundle)
    model = ORTModelForQuestionAnswering.from_pretrained(bundle, **where)
    ask = pipeline("question-answering", model=model, tokenizer=tokenizer)
    result: dict[str, Any] = {"answers": [], "start_logits": [], "end_logits": []}
    for question, context in request["pairs"]:
        found = ask(question=question, context=context)
        found["text"] = found.pop("answer")
        result["answers"].append(found)
        batch = tokenizer(question, context, truncation="only_second", return_tensors="pt")
        outputs = model(**batch)
        result["start_logits"].append(outputs.start_logits[0].tolist())
        result["end_logits"].append(outputs.end_logits[0].tolist())
    return result


def main(bundle: str, file: str, request_path: str) -> None:
    """Run the request as a user of the library would.

    Args:
        bundle: The bundle directory.
        file: The model file inside it, such as ``onnx/model_quantized.onnx``.
        request_path: A JSON file, ``{"texts": [...], "batch_size": int, "max_length": int}`` or
            ``{"pairs": [[question, context]]}``.
    """
    request = json.loads(Path(request_path).read_text(encoding="utf-8"))
    subfolder, name = file.split("/")
    where = {"subfolder": subfolder, "file_name": name, "provider": "CPUExecutionProvider"}
    run = answer if "pairs" in request else embed
    print(json.dumps(run(bundle, where, request)))


if __name__ == "__main__":
    main(*sys.argv[1:])
