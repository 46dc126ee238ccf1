"""Which families of models are encoders that a graph of ours can hold."""

from __future__ import annotations

from typing import Any

from edge_distil.errors import TaskError
from edge_distil_export.checkpoints.checkpoint import Source

# A number of decoder layers says it of T5 and its kin even where the encoder alone was saved.
_DECODERS = ("decoder_layers", "num_decoder_layers")


def check_family(source: Source) -> None:
    """Refuse a checkpoint by its ``config.json``, before anything is loaded.

    Raises:
        TaskError: It is of a family without an encoder, or whose encoder is of another kind.
    """
    from transformers import CONFIG_MAPPING

    kind = source.config.get("model_type")
    if isinstance(kind, str) and kind in CONFIG_MAPPING:  # else the code is the checkpoint's own
        check_encoder(source.name, CONFIG_MAPPING[kind]())


def check_encoder(name: str, config: Any) -> None:
    """Refuse a model by its configuration.

    Raises:
        TaskError: It has a decoder, or no limit on positions that a graph could be traced for.
    """
    flags = (getattr(config, flag, None) for flag in ("is_encoder_decoder", "is_decoder"))
    if any(flags) or any(getattr(config, layers, None) for layers in _DECODERS):
        raise TaskError(
            f"{name} ({config.model_type}) has a decoder; edge-distil has encoders only: "
            "choose a DistilBERT-class checkpoint"
        )
    if (getattr(config, "max_position_embeddings", None) or 0) < 0:
        raise TaskError(
            f"{name} ({config.model_type}) has no positions of its own but carries states from one "
            "segment to the next; edge-distil has encoders of one segment only: choose a "
            "DistilBERT-class checkpoint"
        )
    if _is_causal(config.model_type):
        raise TaskError(
            f"{name} ({config.model_type}) is a decoder: a token sees those before it alone; "
            "edge-distil has encoders only: choose a DistilBERT-class checkpoint"
        )


def _is_causal(kind: str) -> bool:
    """Say whether a family writes texts and fills no masks: GPT-2, Llama and their like."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as WRITERS,
    )
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES as FILLERS,
    )

    return kind in WRITERS and kind not in FILLERS and kind != "bert-generation"
