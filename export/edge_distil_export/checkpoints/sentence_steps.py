"""What may follow the pooling of sentence-transformers: Dense, LayerNorm, Normalize."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from edge_distil._reading import fields
from edge_distil._reading.fields import Fields
from edge_distil._reading.manifest_pooling import WIDEST
from edge_distil._reading.printable import shortened, shown
from edge_distil._reading.sentence_modules import Module
from edge_distil.errors import CheckpointError, EdgeDistilError
from edge_distil_export.checkpoints.tensors import read_tensors

VECTOR, TOKENS = "sentence_embedding", "token_embeddings"  # what a module reads and writes
_TANH = "torch.nn.modules.activation.Tanh"
_SMALLEST_NORM = 1e-12  # torch.nn.functional.normalize's guard against a vector of zeros


class Dense(nn.Module):
    """A linear layer with an activation and, where the checkpoint says so, a residual."""

    def __init__(self, config: Fields) -> None:
        super().__init__()
        width, size = (config.whole(name, 1, WIDEST) for name in ("in_features", "out_features"))
        self.linear = nn.Linear(width, size, bias=config.flag("bias", default=True))
        self.activation = _activation(config)
        self.residual: nn.Module | None = None
        if config.flag("use_residual"):
            same = width == size
            self.residual = nn.Identity() if same else nn.Linear(width, size, bias=False)

    def forward(self, vector: Tensor) -> Tensor:
        """Map ``(..., in_features)`` to ``(..., out_features)``."""
        out = cast(Tensor, self.activation(self.linear(vector)))
        return out if self.residual is None else out + self.residual(vector)


class LayerNorm(nn.Module):
    """Layer normalisation of the vector."""

    def __init__(self, config: Fields) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.whole("dimension", 1, WIDEST))

    def forward(self, vector: Tensor) -> Tensor:
        """Normalise ``(batch, dimension)``."""
        return cast(Tensor, self.norm(vector))


class Normalize(nn.Module):
    """Scaling to length 1; `torch.nn.functional.normalize` without its Expand."""

    def forward(self, vector: Tensor) -> Tensor:
        """Scale ``(..., dimension)``."""
        length = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)  # (..., 1)
        return cast(Tensor, vector / length.clamp(min=_SMALLEST_NORM))


def load_step(step: Module, checkpoint: Path, about: str = VECTOR) -> nn.Module:
    """Load a module of a checkpoint.

    Args:
        step: The module.
        checkpoint: The checkpoint's directory.
        about: What it reads and writes: `VECTOR`, or `TOKENS` of late interaction.

    Raises:
        BundleError: Its configuration is missing or damaged.
        CheckpointError: Its weights are, or it reads something else, or its activation is
            none of ``torch.nn``.
    """
    folder = checkpoint / step.folder
    file = folder / "config.json"
    if step.kind == "Normalize":
        _check_names(fields.read(file) if file.is_file() else Fields({}, str(file)), about)
        return Normalize()
    config = fields.read(file)
    _check_names(config, about)
    try:
        with torch.device("meta"):  # no memory for a size that the weights may not have
            module = Dense(config) if step.kind == "Dense" else LayerNorm(config)
        tensors = {name: tensor.float() for name, tensor in read_tensors(folder).items()}
        module.load_state_dict(tensors, assign=True)
    except EdgeDistilError:
        raise
    except Exception as error:  # torch's, safetensors' and the pickle reader's share no base
        said = shortened(" ".join(str(error).split()), 200)
        raise CheckpointError(
            f"{folder} is not a {step.kind} module of sentence-transformers ({said}): "
            "fetch it again"
        ) from error
    return module


def _check_names(config: Fields, about: str) -> None:
    """Refuse a module that reads or writes something else."""
    for name in ("module_input_name", "module_output_name"):
        if config.optional_text(name) not in (None, about):
            raise CheckpointError(
                f"{config.file} has {name} {shown(config.text(name))}, expected {about}: export "
                "the checkpoint with --task feature-extraction and do the rest in your own code"
            )


def _activation(config: Fields) -> nn.Module:
    """Build the activation by its dotted name, importing nothing but ``torch.nn``."""
    dotted = config.text("activation_function") if "activation_function" in config else _TANH
    kind: Any = getattr(nn, dotted.rsplit(".", 1)[-1], None)
    known = isinstance(kind, type) and issubclass(kind, nn.Module)
    if not known or not dotted.startswith("torch.nn."):
        raise CheckpointError(
            f"{config.file} names the activation {shown(dotted)}, expected a class of torch.nn: "
            "export it with --task feature-extraction"
        )
    return cast(nn.Module, kind())
