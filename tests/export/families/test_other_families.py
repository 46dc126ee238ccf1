"""What is not an encoder of one segment is refused by one line, whatever head it was saved with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from tiny import fast_tokenizer

from edge_distil.errors import ExportError, TaskError
from edge_distil_export import export_bundle
from edge_distil_export.graphs.heads import Encoder
from edge_distil_export.parity import compute_reference

SIZES = {"vocab_size": 200, "d_model": 32, "num_layers": 2, "num_heads": 4, "d_kv": 8, "d_ff": 64}
T5 = transformers.T5Config(**SIZES)
XLNET = transformers.XLNetConfig(vocab_size=200, d_model=32, n_layer=2, n_head=4, d_inner=64)


def save(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    fast_tokenizer("bert").save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("model", "task", "message"),
    [
        (transformers.T5EncoderModel(T5), None, "has a decoder"),
        (transformers.T5EncoderModel(T5), "sentence-similarity", "has a decoder"),
        (transformers.T5ForTokenClassification(T5), None, "has a decoder"),
        (transformers.UMT5EncoderModel(transformers.UMT5Config(**SIZES)), None, "has a decoder"),
        (transformers.XLNetModel(XLNET), None, "carries states from one segment"),
        (transformers.XLNetForSequenceClassification(XLNET), None, "carries states from one"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_encoders(model: Any, task: str | None, message: str, tmp_path: Path) -> None:
    folder = save(model, tmp_path / "model")
    with pytest.raises(TaskError, match=message):
        export_bundle(folder, tmp_path / "out", task=task)


def test_a_model_that_fails_by_itself() -> None:
    config = transformers.FunnelConfig(
        vocab_size=200, d_model=32, n_head=4, d_head=8, d_inner=64, block_sizes=[1, 1]
    )
    model = transformers.FunnelForSequenceClassification(config).eval()
    with pytest.raises(ExportError, match="the model itself fails in PyTorch on 7 x 2 tokens"):
        compute_reference(Encoder(model, ("logits",)), max_length=64)


@pytest.mark.parametrize(
    "model",
    [
        transformers.GPT2ForSequenceClassification(
            transformers.GPT2Config(vocab_size=200, n_embd=32, n_layer=1, n_head=4, pad_token_id=0)
        ),
        transformers.OPTForSequenceClassification(
            transformers.OPTConfig(
                vocab_size=200,
                hidden_size=32,
                num_hidden_layers=1,
                ffn_dim=64,
                num_attention_heads=4,
                word_embed_proj_dim=32,
            )
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_decoders_whatever_their_flags(model: Any, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is a decoder: a token sees those before it alone"):
        export_bundle(save(model, tmp_path / "model"), tmp_path / "out")
