"""The longest sequence, against the models themselves: so many tokens run, one more fails."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from edge_distil_export.limits import position_limit

SIZES = {
    "vocab_size": 200,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "pad_token_id": 1,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "BigBird": {"attention_type": "original_full"},
    "Data2VecText": {},
    "Deberta": {},
    "Esm": {},
    "IBert": {},
    "LayoutLM": {},
    "Longformer": {"attention_window": [8]},
    "Luke": {"entity_vocab_size": 10},
    "MegatronBert": {},
    "MPNet": {},
    "Mra": {},
    "Nystromformer": {},
    "RoFormer": {},
    "RobertaPreLayerNorm": {},
    "XLMRobertaXL": {},
    "Yoso": {},
}


@pytest.mark.parametrize("family", FAMILIES)
def test_as_long_as_the_model_takes(family: str) -> None:
    config = getattr(transformers, f"{family}Config")(**{**SIZES, **FAMILIES[family]})
    model = transformers.AutoModel.from_config(config).eval()
    longest = position_limit(model, config)
    with torch.inference_mode():
        model(input_ids=torch.full((1, longest), 7))
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=torch.full((1, longest + 1), 7))
