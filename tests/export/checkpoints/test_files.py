"""Tokenizer files that a checkpoint lacks are made so that other clients cut where we do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import transformers

import edge_distil as ed
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import CheckpointError
from edge_distil_export import export_bundle


@pytest.mark.parametrize("kept", ["tokenizer.json", "vocab.txt"])
def test_tokenizer_files_are_made_from_one(
    kept: str, embedded_checkpoint: Path, tmp_path: Path
) -> None:
    """The embedded tokenizer.json carries a truncation to 128 tokens, which must not leak."""
    checkpoint, bundle = tmp_path / "checkpoint", tmp_path / "bundle"
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.BertConfig(**sizes, intermediate_size=64)
    transformers.BertModel(config).save_pretrained(checkpoint)
    shutil.copy(embedded_checkpoint / kept, checkpoint)
    export_bundle(checkpoint, bundle)
    config = json.loads((bundle / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert config["model_max_length"] == 512
    assert "max_length" not in config
    special = json.loads((bundle / "special_tokens_map.json").read_text(encoding="utf-8"))
    assert special["cls_token"] == "[CLS]"
    [found] = ed.load(bundle).encoder.tokenizer.encode(["Où était le café?"])
    [expected] = Tokenizer(embedded_checkpoint, 512).encode(["Où était le café?"])
    assert found.ids == expected.ids


@pytest.mark.parametrize("family", ["Bert", "Roberta", "XLMRoberta", "Albert", "DebertaV2"])
def test_a_tokenizer_that_knows_no_word_is_refused(family: str, tmp_path: Path) -> None:
    """What transformers 5 makes of a checkpoint whose tokenizer files were not copied."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = getattr(transformers, f"{family}Config")(**sizes, intermediate_size=64, vocab_size=99)
    getattr(transformers, f"{family}Model")(config).save_pretrained(tmp_path / "checkpoint")
    with pytest.raises(CheckpointError, match=r"no vocabulary but its \d special tokens.*copy"):
        export_bundle(tmp_path / "checkpoint", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
