"""Models of a checkpoint's own Python code: what the code computes and no file holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch

import edge_distil as ed
from edge_distil.errors import CheckpointError
from edge_distil_export import export_bundle

TOLERANCE = 1e-5
TEXT = "Paris is the capital of France"
CODE = """
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput


class OwnConfig(PretrainedConfig):
    model_type = "own"

    def __init__(self, vocab_size=10, hidden_size=16, **rest):
        self.vocab_size, self.hidden_size = vocab_size, hidden_size
        self.max_position_embeddings = 64
        super().__init__(**rest)


class OwnModel(PreTrainedModel):
    config_class = OwnConfig
    base_model_prefix = "own"
    _keys_to_ignore_on_load_missing = ["scale"]

    def __init__(self, config):
        super().__init__(config)
        size = config.hidden_size
        self.words = nn.Embedding(config.vocab_size, size)
        self.linear = nn.Linear(size, size)
        rates = 10000 ** (torch.arange(size) / size)
        waves = (torch.arange(64)[:, None] / rates).sin()
        self.register_buffer("waves", BUFFER, persistent=False)
        self.register_buffer("scale", torch.full((size,), 3.0))
        self.post_init()

    def _init_weights(self, module):
        pass

    def forward(self, input_ids, attention_mask=None, **rest):
        hidden = self.words(input_ids) + self.waves[: input_ids.shape[1]] * self.scale
        mask = attention_mask[..., None].float()
        return BaseModelOutput(last_hidden_state=self.linear(hidden * mask))
"""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Path, Any]]:
    """Buffer's expression -> checkpoint, and its model as its own code builds it."""
    import transformers.dynamic_module_utils as modules

    monkeypatch.setattr(modules, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "modules"), *sys.path])

    def build(buffer: str) -> tuple[Path, Any]:
        folder = tmp_path / "own"
        tokenizer = tiny.fast_tokenizer("bert", model_max_length=64)
        tokenizer.save_pretrained(folder)
        (folder / "own.py").write_text(CODE.replace("BUFFER", buffer))
        scope: dict[str, Any] = {"__name__": "own"}
        exec(compile((folder / "own.py").read_text(), "own", "exec"), scope)
        monkeypatch.setitem(sys.modules, "own", type(sys)("own"))
        torch.manual_seed(5)
        model = scope["OwnModel"](scope["OwnConfig"](vocab_size=len(tokenizer))).eval()
        model.save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        config["auto_map"] = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
        (folder / "config.json").write_text(json.dumps(config))
        return folder, (tokenizer, model)

    return build


def test_buffers_are_those_that_the_code_makes(
    make: Callable[[str], tuple[Path, Any]], tmp_path: Path
) -> None:
    folder, (tokenizer, model) = make("waves")
    options: dict[str, Any] = {"task": "sentence-similarity", "trust_remote_code": True}
    first, second = (export_bundle(folder, tmp_path / n, **options) for n in ("one", "two"))
    assert first.model_path().read_bytes() == second.model_path().read_bytes()
    with torch.inference_mode():
        encoded = tokenizer(TEXT, return_tensors="pt")
        expected = model(**encoded).last_hidden_state.mean(1)[0].numpy()
    vector = ed.Embedding.load(first.path).encode(TEXT)
    np.testing.assert_allclose(vector, expected, atol=TOLERANCE, rtol=0)


def test_buffers_drawn_at_random_are_refused(
    make: Callable[[str], tuple[Path, Any]], tmp_path: Path
) -> None:
    folder, _ = make("torch.rand_like(waves)")
    with pytest.raises(CheckpointError, match="own code draws waves at random") as caught:
        export_bundle(folder, tmp_path / "out", task="sentence-similarity", trust_remote_code=True)
    assert "\n" not in str(caught.value)
