"""Checkpoint -> a module with plain tensors in and out, one for each task."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from edge_distil.errors import CheckpointError
from edge_distil.sentence_modules import SentenceModules

BATCH_AXIS, LENGTH_AXIS = "batch_size", "sequence_length"
_PER_TOKEN, _PER_ROW = (BATCH_AXIS, LENGTH_AXIS), (BATCH_AXIS,)
# Task -> output -> its named axes; an axis of fixed size may follow.
OUTPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "feature-extraction": {"last_hidden_state": _PER_TOKEN},
    "fill-mask": {"logits": _PER_TOKEN},
    "question-answering": {"start_logits": _PER_TOKEN, "end_logits": _PER_TOKEN},
    "sentence-similarity": {"last_hidden_state": _PER_TOKEN, "sentence_embedding": _PER_ROW},
    "text-classification": {"logits": _PER_ROW},
    "token-classification": {"logits": _PER_TOKEN},
}
_MASKED = -1e9  # sentence-transformers' value for padding under max pooling
_SMALLEST_NORM = 1e-12  # torch.nn.functional.normalize's guard against a vector of zeros
_SMALLEST_COUNT = 1e-9  # sentence-transformers' guard against a row without tokens


class Encoder(nn.Module):
    """A transformers model whose outputs are the tensors named in `outputs`."""

    def __init__(self, model: Any, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.outputs = outputs
        self.inputs = input_names(model)

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.model

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Run the model; all inputs are int64 ``(batch, sequence)``."""
        extra = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        result = self.model(input_ids=input_ids, attention_mask=attention_mask, **extra)
        return tuple(result[name] for name in self.outputs)


class SentenceEncoder(nn.Module):
    """An encoder with the pooling, Dense and Normalize modules of sentence-transformers."""

    def __init__(self, encoder: Encoder, modules: SentenceModules, folder: Path) -> None:
        super().__init__()
        self.encoder = encoder
        self.outputs = tuple(OUTPUTS["sentence-similarity"])
        self.inputs = encoder.inputs
        self.pooling = modules.pooling
        self.normalize = modules.normalize
        self.dense = nn.Sequential(*(load_dense(folder / name) for name in modules.dense))

    @property
    def transformer(self) -> Any:
        """The transformers model."""
        return self.encoder.model

    def dimension(self, pooled: int) -> int:
        """Return the length of the vectors, where the pooled ones have length `pooled`."""
        linear = [module for module in self.dense.modules() if isinstance(module, nn.Linear)]
        return linear[-1].out_features if linear else pooled

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Return the hidden states ``(batch, sequence, hidden)`` and vectors ``(batch, dim)``."""
        (hidden,) = self.encoder(input_ids, attention_mask, token_type_ids)
        vector = self.dense(pool(hidden, attention_mask, self.pooling))  # (batch, dim)
        return hidden, scale_to_unit(vector) if self.normalize else vector


Head = Encoder | SentenceEncoder


def pool(hidden: Tensor, attention_mask: Tensor, mode: str) -> Tensor:
    """Pool ``(batch, sequence, hidden)`` to ``(batch, hidden)`` as sentence-transformers does.

    Args:
        hidden: Hidden states.
        attention_mask: ``(batch, sequence)``.
        mode: ``"mean"``, ``"cls"`` or ``"max"``.
    """
    if mode == "cls":
        return hidden[:, 0]
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (batch, sequence, 1)
    if mode == "max":
        return hidden.masked_fill(mask == 0, _MASKED).amax(1)
    # As a product: onnxruntime adds up a batch of one in another order than a batch of several.
    total = torch.matmul(mask.transpose(1, 2), hidden).squeeze(1)  # (batch, hidden)
    return total / mask.sum(1).clamp(min=_SMALLEST_COUNT)


def scale_to_unit(vector: Tensor) -> Tensor:
    """Scale ``(batch, dim)`` to length 1; `torch.nn.functional.normalize` without its Expand."""
    length = torch.linalg.vector_norm(vector, dim=1, keepdim=True)  # (batch, 1)
    return cast(Tensor, vector / length.clamp(min=_SMALLEST_NORM))


def input_names(model: Any) -> tuple[str, ...]:
    """Name the inputs that change the result: token types only where there are two or more."""
    names = ("input_ids", "attention_mask")
    takes_types = "token_type_ids" in inspect.signature(model.forward).parameters
    if takes_types and getattr(model.config, "type_vocab_size", 0) > 1:
        return (*names, "token_type_ids")
    return names


def load_dense(folder: Path) -> nn.Module:
    """Load a sentence-transformers Dense module.

    Raises:
        CheckpointError: A file is missing, or the activation is not one of ``torch.nn``.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        weights = _dense_weights(folder)
        linear = nn.Linear(
            config["in_features"], config["out_features"], bias=config.get("bias", True)
        )
        linear.load_state_dict({k.removeprefix("linear."): v.float() for k, v in weights.items()})
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(
            f"{folder} is no Dense module of sentence-transformers ({error}): fetch it again"
        ) from error
    return nn.Sequential(linear, _activation(config, folder))


def _dense_weights(folder: Path) -> dict[str, Tensor]:
    if (folder / "model.safetensors").is_file():
        from safetensors.torch import load_file

        return load_file(folder / "model.safetensors")
    loaded: dict[str, Tensor] = torch.load(
        folder / "pytorch_model.bin", map_location="cpu", weights_only=True
    )
    return loaded


def _activation(config: dict[str, Any], folder: Path) -> nn.Module:
    """Build the activation by its dotted name, importing nothing but ``torch.nn``."""
    dotted = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    kind: Any = getattr(nn, dotted.rsplit(".", 1)[-1], None)
    known = isinstance(kind, type) and issubclass(kind, nn.Module)
    if not known or not dotted.startswith("torch.nn."):
        raise CheckpointError(
            f"{folder} names the activation {dotted!r}, expected a class of torch.nn: "
            "export it with --task feature-extraction"
        )
    return cast(nn.Module, kind())
