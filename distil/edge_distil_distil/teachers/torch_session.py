"""A PyTorch model in the place of a runtime's session, so that tasks and measures run on it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import Bundle
from edge_distil.encoder import Encoder
from edge_distil.manifest import Manifest
from edge_distil.session import Floats, Tokens

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "feature-extraction": ("last_hidden_state",),
    "fill-mask": ("logits",),
    "question-answering": ("start_logits", "end_logits"),
    "sentence-similarity": ("last_hidden_state",),
    "text-classification": ("logits",),
    "token-classification": ("logits",),
}


class TorchSession:
    """A transformers model as a `edge_distil.session.Session`.

    Args:
        model: Runs without dropout, whatever its mode, which it has again afterwards.
        task: Says which outputs there are.
        half: Multiply in bfloat16, which is faster where the processor or the GPU can.
    """

    def __init__(self, model: Any, task: str, *, half: bool = False) -> None:
        self._model, self._half = model, half
        self.inputs = model_inputs(model)
        self.outputs = _OUTPUTS[task]

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        """See `Session.run`."""
        device = self._model.device
        inputs = {n: torch.from_numpy(feeds[n]).to(device) for n in self.inputs if n in feeds}
        mode = self._model.training
        self._model.eval()
        products = torch.autocast(device.type, torch.bfloat16, enabled=self._half)
        with torch.inference_mode(), products:
            found = self._model(**inputs)
        self._model.train(mode)
        names = outputs or self.outputs
        return {name: np.asarray(found[name].float().cpu().numpy()) for name in names}


def model_inputs(model: Any) -> tuple[str, ...]:
    """Return which of a batch's arrays a model takes."""
    taken = inspect.signature(model.forward).parameters
    return tuple(name for name in _INPUTS if name in taken)


def torch_encoder(model: Any, folder: Path, manifest: Manifest, *, half: bool = False) -> Encoder:
    """Put a model behind a tokenizer, ready for a task object.

    Args:
        model: A transformers model.
        folder: Holds its tokenizer's files.
        manifest: What it is for.
        half: See `TorchSession`.
    """
    tokenizer = Tokenizer(folder, manifest.max_length, plain=True)
    session = TorchSession(model, manifest.task, half=half)
    return Encoder(Bundle(folder, manifest, inferred=True), "torch", tokenizer, session)
