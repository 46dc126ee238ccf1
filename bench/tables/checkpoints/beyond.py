"""Tiny checkpoints of families of which nothing is promised: most of them are refused.

A model of each is saved with the head that is asked for, where transformers has that head.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers

from tables.checkpoints.further import seeded
from tables.checkpoints.tiny import POSITIONS, fast_tokenizer

_BERT = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
    "max_position_embeddings": POSITIONS,
}  # fmt: skip
_XLM = {"emb_dim": 32, "n_layers": 2, "n_heads": 4, "max_position_embeddings": POSITIONS}
_SEQ2SEQ = {
    "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64,
}  # fmt: skip
_GROUPED = {**_BERT, "num_key_value_heads": 2, "head_dim": 8}
BEYOND: dict[str, dict[str, Any]] = {
    "bart": _SEQ2SEQ,
    "big_bird": {**_BERT, "block_size": 8, "num_random_blocks": 1},
    "canine": _BERT,
    "flaubert": _XLM,
    "fnet": _BERT,
    "funnel": {"d_model": 32, "n_head": 4, "d_head": 8, "d_inner": 64, "block_sizes": [1, 1],
               "architectures": ["FunnelModel"]},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS},
    "gte": _BERT,
    "led": {**_SEQ2SEQ, "attention_window": [8]},
    "lfm2": {**_GROUPED, "layer_types": ["conv", "full_attention"]},
    "llama": _GROUPED,
    "longformer": {**_BERT, "attention_window": [8, 8]},
    "luke": {**_BERT, "entity_vocab_size": 10, "entity_emb_size": 8},
    "mra": _BERT,
    "nystromformer": {**_BERT, "num_landmarks": 4, "segment_means_seq_len": POSITIONS},
    "perceiver": {"num_latents": 8, "d_latents": 32, "d_model": 32,
                  "max_position_embeddings": POSITIONS},
    "qwen3": _GROUPED,
    "reformer": {"axial_pos_embds": False, "hidden_size": 32, "num_attention_heads": 4},
    "roc_bert": {**_BERT, "pronunciation_vocab_size": 20, "shape_vocab_size": 20},
    "t5": {"d_model": 32, "num_layers": 2, "num_heads": 4, "d_kv": 8, "d_ff": 64},
    "xlm": _XLM,
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},
    "xmod": {**_BERT, "languages": ["en_XX"], "default_language": "en_XX"},
    "yoso": _BERT,
}  # fmt: skip
DECODERS = ("gpt2", "lfm2", "llama", "qwen3")  # which may embed by their last token


def save(folder: Path, family: str, task: str = "feature-extraction", **options: Any) -> Path:
    """Save a seeded random model and a tokenizer."""
    tokenizer = fast_tokenizer("bert")
    sizes = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    made = transformers.CONFIG_MAPPING[family](**sizes, **BEYOND[family], **options)
    seeded(made, task).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
