"""DistilBERT-base with seeded random weights: nothing is downloaded, and time does not mind."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from edge_distil_bench.protocol.commands import measure_command
from tables.shared.places import EMBEDDED

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)
_MAKE = """
import sys, torch, transformers
torch.manual_seed(0)
config = getattr(transformers, sys.argv[2])()
getattr(transformers, sys.argv[1])(config).save_pretrained(sys.argv[3])
"""


def make_checkpoint(
    folder: Path, model: str = "DistilBertForQuestionAnswering", config: str = "DistilBertConfig"
) -> Path:
    """Save a model of transformers' default sizes, 66 M parameters for DistilBERT."""
    # In a process of its own: a child's peak memory begins at its parent's.
    measure_command([sys.executable, "-P", "-c", _MAKE, model, config, folder])
    for name in TOKENIZER_FILES:
        shutil.copy(EMBEDDED / name, folder)
    return folder
