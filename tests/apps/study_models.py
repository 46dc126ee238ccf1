"""Tiny models of the study's families, with its vocabulary and its 512 positions."""

from __future__ import annotations

from pathlib import Path

from edge_distil_apps.study.architectures import BERT, DISTILBERT
from edge_distil_apps.study.provenance import Provenance, count, write_provenance
from edge_distil_apps.study.random_checkpoint import make_checkpoint
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle

SIZES = {
    DISTILBERT: {"dim": 32, "n_layers": 1, "n_heads": 4, "hidden_dim": 64},
    BERT: {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
    },
}


def make_models(folder: Path, *, int8: bool = True) -> Path:
    """Make what `edge-distil study --models` takes, and the checkpoints beside it."""
    for architecture, sizes in SIZES.items():
        checkpoint = folder / "checkpoints" / architecture.name
        make_checkpoint(architecture.model, architecture.config, checkpoint, sizes)
        bundle = export_bundle(checkpoint, folder / "models" / architecture.name)
        if int8:
            bundle = quantize_bundle(bundle, "int8", calibrate=False)
        # One passes for trained, so that something is scored.
        trained = architecture is BERT
        write_provenance(
            bundle.path, Provenance(trained, "tiny", calibrated=False, **count(bundle))
        )
    return folder / "models"
