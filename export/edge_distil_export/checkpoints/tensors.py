"""All tensors of one weights file, and nothing else that it may hold."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from edge_distil_export.checkpoints.weights import SAFETENSORS

PICKLE = "pytorch_model.bin"


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Read ``model.safetensors`` or, where there is none, ``pytorch_model.bin``.

    Of the latter torch's ``weights_only`` reader takes tensors alone. What is missing, damaged or
    more than tensors raises what the readers raise, which have no base in common.
    """
    if (folder / SAFETENSORS).is_file():
        from safetensors.torch import load_file

        return load_file(folder / SAFETENSORS)
    loaded: dict[str, Tensor] = torch.load(folder / PICKLE, map_location="cpu", weights_only=True)
    return loaded
