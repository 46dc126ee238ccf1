"""Tiny checkpoints of families beside the nine: type -> tokenizer's style and configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from tables.checkpoints.tiny import POSITIONS, auto_class, fast_tokenizer

_SIZES = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
}  # fmt: skip
_GROUPED = {"num_key_value_heads": 2, "head_dim": 8}
_BEHIND_PADDING = {"max_position_embeddings": POSITIONS + 2}
_DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8}
FURTHER: dict[str, tuple[str, dict[str, Any]]] = {
    "camembert": ("roberta", {**_BEHIND_PADDING, "type_vocab_size": 1}),
    "convbert": ("bert", {"embedding_size": 16, "head_ratio": 2, "conv_kernel_size": 3}),
    "data2vec-text": ("roberta", _BEHIND_PADDING),
    "deberta": ("bert", {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}),
    "deberta-v2": ("bert", {**_DEBERTA, "share_att_key": True, "norm_rel_ebd": "layer_norm"}),
    "ernie": ("bert", {"use_task_id": True, "task_type_vocab_size": 3}),
    "esm": ("bert", {"position_embedding_type": "rotary"}),
    "eurobert": ("roberta", _GROUPED),
    "gemma3_text": ("bert", {**_GROUPED, "use_bidirectional_attention": True, "sliding_window": 8}),
    "ibert": ("roberta", _BEHIND_PADDING),
    "jina_embeddings_v3": ("roberta", {}),
    "megatron-bert": ("bert", {}),
    "nomic_bert": ("bert", {}),
    "rembert": ("bert", {"input_embedding_size": 16, "output_embedding_size": 16}),
    "roberta-prelayernorm": ("roberta", _BEHIND_PADDING),
    "roformer": ("bert", {"embedding_size": 32}),
    "squeezebert": ("bert", {"embedding_size": 32}),
    "xlm-roberta-xl": ("roberta", _BEHIND_PADDING),
}


def config(family: str, **options: Any) -> Any:
    """The configuration of a tiny model."""
    style, own = FURTHER.get(family, ("bert", _GROUPED))
    tokenizer = fast_tokenizer(style)
    sizes = {"vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS, **_SIZES}
    padding = {"pad_token_id": tokenizer.pad_token_id}
    return transformers.CONFIG_MAPPING[family](**{**sizes, **padding, **own, **options})


def save(folder: Path, family: str, task: str = "feature-extraction", **options: Any) -> Path:
    """Save a seeded random model, whose weights are large enough that a wrong mask shows."""
    made = config(family, **options)
    model = seeded(made, task)
    with torch.no_grad():
        model.get_input_embeddings().weight[made.pad_token_id] = 0  # as training leaves it
    model.save_pretrained(folder)
    fast_tokenizer(FURTHER.get(family, ("bert",))[0]).save_pretrained(folder)
    return folder


def seeded(made: Any, task: str) -> Any:
    """A model of a configuration, with random weights, the same ones each time."""
    torch.manual_seed(7)
    model = auto_class(task).from_config(made).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "position_embeddings" not in name:
                parameter.normal_(0, 0.15)
    return model
