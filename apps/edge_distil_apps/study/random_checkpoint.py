"""A checkpoint of seeded random weights: it takes as long to run as a trained one.

A program of its own: torch is then neither in the memory of the process that measures nor in that
of its children, whose peaks begin at their parent's.

    python -m edge_distil_apps.study.random_checkpoint MODEL_CLASS CONFIG_CLASS FOLDER [SIZES]
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
import transformers

from edge_distil_apps.study.vocabulary import VOCABULARY_FILES, vocabulary_folder

_SEED = 2019
_DEVIATION = 0.02  # of weights, as both models were initialised before their training


def make_checkpoint(model: str, config: str, folder: Path, sizes: dict[str, Any]) -> None:
    """Save a checkpoint with the uncased vocabulary of BERT.

    Args:
        model: Class in transformers.
        config: Class in transformers; its defaults are the published sizes.
        folder: Is made.
        sizes: What differs from the defaults.
    """
    torch.manual_seed(_SEED)
    made = getattr(transformers, model)(getattr(transformers, config)(**sizes))
    # Fresh biases are zeros, and exporting leaves out what adds nothing: operators that a trained
    # model has would be missing.
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter), alpha=_DEVIATION)
    made.save_pretrained(folder)
    for name in VOCABULARY_FILES:
        shutil.copy(vocabulary_folder() / name, folder)


if __name__ == "__main__":
    _, model, config, folder, *sizes = sys.argv
    make_checkpoint(model, config, Path(folder), json.loads(sizes[0]) if sizes else {})
