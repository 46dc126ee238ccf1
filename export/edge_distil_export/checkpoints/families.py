"""Which families of models are encoders that a graph of ours can hold."""

from __future__ import annotations

from typing import Any

from edge_distil._reading.sentence_modules import is_sentence_model
from edge_distil.errors import TaskError
from edge_distil_export.checkpoints.checkpoint import Source

# A number of decoder layers says it of T5 and its kin even where the encoder alone was saved.
_DECODERS = ("decoder_layers", "num_decoder_layers")
_BOTH_WAYS = "use_bidirectional_attention"  # what makes an encoder of Gemma 3, as EmbeddingGemma is
# Model type -> why no graph with a free length can be made of it.
_UNTRACEABLE = {
    "longformer": "pads a text to whole attention windows, and how far depends on its length",
    "xmod": "asks for the language of each text beside its tokens",
    "canine": "reads characters and has no tokenizer.json",
    "perceiver": "reads bytes into a fixed number of latents and has no tokenizer.json",
    "reformer": "sorts tokens into buckets, and into how many depends on the length",
}


def check_family(source: Source, task: str | None = None) -> None:
    """Refuse a checkpoint by its ``config.json``, before anything is loaded.

    Args:
        source: The checkpoint.
        task: What it is to be exported for, if that is known.

    Raises:
        TaskError: It is of a family without an encoder, or whose encoder is of another kind.
    """
    from transformers import CONFIG_MAPPING

    kind = source.config.get("model_type")
    if not (isinstance(kind, str) and kind in CONFIG_MAPPING):
        return  # the code is the checkpoint's own
    config = CONFIG_MAPPING[kind]()
    if hasattr(config, _BOTH_WAYS):
        setattr(config, _BOTH_WAYS, source.config.get(_BOTH_WAYS))
    check_encoder(source.name, config, embedder=is_embedder(source, task))


def is_embedder(source: Source, task: str | None) -> bool:
    """Say whether a checkpoint was saved as an embedding model, and is to be exported as one."""
    embeds = task in (None, "late-interaction", "sentence-similarity")
    return embeds and is_sentence_model(source.root)


def check_encoder(name: str, config: Any, *, embedder: bool = False) -> None:
    """Refuse a model by its configuration.

    Args:
        name: The checkpoint's.
        config: Its configuration.
        embedder: It was trained to embed: then a decoder's last token has seen the whole text.

    Raises:
        TaskError: It is no encoder, has no limit on positions that a graph could be traced for, or
            computes what no graph with a free length can hold.
    """
    kind = config.model_type
    if kind in _UNTRACEABLE:
        raise TaskError(
            f"{name} ({kind}) {_UNTRACEABLE[kind]}, which a graph cannot hold: choose a "
            "DistilBERT-class checkpoint"
        )
    flags = (getattr(config, flag, None) for flag in ("is_encoder_decoder", "is_decoder"))
    if any(flags) or any(getattr(config, layers, None) for layers in _DECODERS):
        raise TaskError(
            f"{name} ({kind}) has a decoder; edge-distil has encoders only: "
            "choose a DistilBERT-class checkpoint"
        )
    if (getattr(config, "max_position_embeddings", None) or 0) < 0:
        raise TaskError(
            f"{name} ({kind}) has no positions of its own but carries states from one "
            "segment to the next; edge-distil has encoders of one segment only: choose a "
            "DistilBERT-class checkpoint"
        )
    if _is_causal(kind) and not (getattr(config, _BOTH_WAYS, None) or embedder):
        raise TaskError(
            f"{name} ({kind}) is a decoder: a token sees those before it alone; "
            "edge-distil has encoders, and of decoders those that sentence-transformers saved as "
            "embedding models: choose a DistilBERT-class checkpoint"
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
