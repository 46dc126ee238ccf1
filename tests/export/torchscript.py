"""What optimum writes, without optimum: a checkpoint traced by torch's first ONNX exporter."""

from __future__ import annotations

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers
from tiny import AUTO_CLASSES

OUTPUTS = {
    "feature-extraction": ("last_hidden_state",),
    "fill-mask": ("logits",),
    "question-answering": ("start_logits", "end_logits"),
    "text-classification": ("logits",),
    "token-classification": ("logits",),
}
_AXES = {0: "batch_size", 1: "sequence_length"}


class _Traced(torch.nn.Module):
    """A model with plain tensors in and out."""

    def __init__(self, model: Any, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.inputs, self.outputs = model, inputs, outputs

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        found = self.model(**dict(zip(self.inputs, tensors, strict=True)))
        return tuple(found[name] for name in self.outputs)


def open_model(checkpoint: Path, task: str, attention: str = "eager") -> Any:
    """Load a checkpoint as transformers does for a task."""
    kind = getattr(transformers, AUTO_CLASSES[task])
    return kind.from_pretrained(checkpoint, attn_implementation=attention).eval()


def export_torchscript(
    checkpoint: Path,
    folder: Path,
    task: str,
    *,
    opset: int = 14,
    attention: str = "eager",
    file: str = "model.onnx",
) -> Path:
    """Write a directory as optimum does: the checkpoint's files, and its graph for its weights."""
    names = shutil.ignore_patterns("*.safetensors", "README.md")
    shutil.copytree(checkpoint, folder, ignore=names)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    inputs = tuple(name for name in ("input_ids", "attention_mask", "token_type_ids")
                   if name in tokenizer.model_input_names)  # fmt: skip
    outputs = OUTPUTS[task]
    ids = torch.randint(5, 50, (2, 9))
    tensors = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "token_type_ids": torch.zeros_like(ids),
    }
    target = folder / file
    target.parent.mkdir(exist_ok=True)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracer's, and that this exporter is the old one
        torch.onnx.export(
            _Traced(open_model(checkpoint, task, attention), inputs, outputs),
            tuple(tensors[name] for name in inputs),
            str(target),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={
                name: {0: _AXES[0]} if task == "text-classification" and name == "logits" else _AXES
                for name in (*inputs, *outputs)
            },
            opset_version=opset,
            dynamo=False,
        )
    return folder
