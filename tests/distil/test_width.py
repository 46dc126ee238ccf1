"""Narrower feed-forward layers: exact where neurons say nothing, measured where they do."""

from __future__ import annotations

import json
from pathlib import Path

import cut_checkpoints
import pytest
import torch
import transformers
from cut_checkpoints import CORPUS

from edge_distil.errors import DistilError, InputError
from edge_distil_distil.smaller import prune_feed_forward
from edge_distil_distil.smaller.feed_forward import find
from edge_distil_distil.smaller.importance import importances, mean_activations, outputs

WIDE, NARROW = 48, 32
_IDLE = torch.arange(0, WIDE, 3)  # a third of the neurons
_SIZES = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 1500,
    "intermediate_size": WIDE, "max_position_embeddings": 64,
}  # fmt: skip
FAMILIES = {
    "bert": ("BertConfig", {}),
    "distilbert": (
        "DistilBertConfig",
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": WIDE},
    ),
    "roberta": ("RobertaConfig", {"max_position_embeddings": 66}),
    "mpnet": ("MPNetConfig", {"max_position_embeddings": 66}),
    "modernbert": ("ModernBertConfig", {"pad_token_id": 0}),  # a gate: one product, two halves
}


def _checkpoint(folder: Path, family: str, silence) -> Path:
    """Write a checkpoint of a family whose idle neurons are silenced."""
    cut_checkpoints.checkpoint(folder, "WordPiece", head="")
    name, options = FAMILIES[family]
    torch.manual_seed(0)
    config = getattr(transformers, name)(**{**_SIZES, **options})
    model = transformers.AutoModelForQuestionAnswering.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)  # biases, too
        for block in find(model):
            silence(block)
    model.save_pretrained(folder)
    return folder


def _unread(block) -> None:
    block.down.weight[:, _IDLE] = 0


def _constant(block) -> None:
    """Let neurons depend on their bias alone: they give the same for every token."""
    for linear in block.up:
        for half in range(linear.out_features // WIDE):
            linear.weight[_IDLE + half * WIDE] = 0


def _both(before: Path, after: Path, text: str):
    reader = transformers.AutoTokenizer.from_pretrained(before)
    row = reader(text, return_tensors="pt", truncation=True, max_length=60)
    row.pop("token_type_ids", None)
    models = [
        transformers.AutoModelForQuestionAnswering.from_pretrained(f) for f in (before, after)
    ]
    with torch.no_grad():
        return [model.eval()(**row).start_logits for model in models]


@pytest.mark.parametrize("family", FAMILIES)
def test_neurons_that_nobody_reads_go_first(tmp_path, family):
    whole = _checkpoint(tmp_path / "whole", family, _unread)
    found = prune_feed_forward(whole, tmp_path / "narrow", NARROW, CORPUS[:10])
    before, after = _both(whole, tmp_path / "narrow", CORPUS[-1])
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)
    assert found.error < 1e-10
    assert found.kept == pytest.approx((1, 1))
    config = json.loads((tmp_path / "narrow/config.json").read_text())
    assert NARROW in (config.get("intermediate_size"), config.get("hidden_dim"))
    loaded = transformers.AutoModel.from_pretrained(tmp_path / "narrow")
    assert loaded.num_parameters() < transformers.AutoModel.from_pretrained(whole).num_parameters()


def test_what_constant_neurons_give_goes_into_the_bias(tmp_path):
    whole = _checkpoint(tmp_path / "whole", "bert", _constant)
    prune_feed_forward(whole, tmp_path / "narrow", NARROW, CORPUS[:10])
    before, after = _both(whole, tmp_path / "narrow", CORPUS[-1])
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


def test_importance_is_the_squared_first_order_change(tmp_path):
    """Held against differences: a neuron is turned down a little, and the outputs are compared."""
    whole = _checkpoint(tmp_path / "whole", "bert", lambda block: None)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(whole).double().eval()
    rows = [list(range(5, 17)), list(range(40, 60))]
    blocks = find(model)
    means = mean_activations(model, blocks, rows)
    found = importances(model, blocks, rows, means, probes=2000)
    step = 1e-4
    for block, mean, got in zip(blocks, means, found, strict=True):
        expected = torch.zeros(WIDE, dtype=torch.float64)
        for neuron in range(WIDE):
            weight, bias = block.down.weight.data, block.down.bias.data
            column = weight[:, neuron].clone()
            changed = []
            for sign in (1, -1):
                weight[:, neuron] = column * (1 + sign * step)
                bias -= sign * step * column * mean[neuron]
                with torch.no_grad():
                    changed.append([outputs(model, row) for row in rows])
                bias += sign * step * column * mean[neuron]
            weight[:, neuron] = column
            slopes = [(a - b) / (2 * step) for a, b in zip(*changed, strict=True)]
            expected[neuron] = sum((slope**2).sum() for slope in slopes) / len(rows)
        # 2,000 draws of signs: the estimate is off by some percent
        assert torch.allclose(got.double(), expected, rtol=0.15)
        assert torch.corrcoef(torch.stack([got.double(), expected]))[0, 1] > 0.995


def test_important_neurons_cost_less_to_keep_than_others(tmp_path):
    """On the same texts, fewer errors than the neurons that random numbers choose."""
    whole = _checkpoint(tmp_path / "whole", "bert", lambda block: None)
    found = prune_feed_forward(whole, tmp_path / "narrow", NARROW, CORPUS)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(whole).eval()
    reader = transformers.AutoTokenizer.from_pretrained(whole)
    rows = [reader(text, truncation=True, max_length=60).input_ids for text in CORPUS[:30]]
    with torch.no_grad():
        expected = torch.cat([outputs(model, row) for row in rows])
        for seed in range(5):
            other = transformers.AutoModelForQuestionAnswering.from_pretrained(whole).eval()
            blocks = find(other)
            means = mean_activations(other, blocks, rows)
            for block, mean in zip(blocks, means, strict=True):
                draw = torch.Generator().manual_seed(seed)
                block.keep(torch.randperm(WIDE, generator=draw)[:NARROW].sort().values, mean)
            change = torch.cat([outputs(other, row) for row in rows]) - expected
            assert float((change**2).sum() / (expected**2).sum()) > 1.5 * found.error


def test_what_cannot_be_made_narrower(tmp_path):
    whole = _checkpoint(tmp_path / "whole", "bert", lambda block: None)
    for width in (0, WIDE, WIDE + 1):
        with pytest.raises(InputError, match=f"width is {width}, expected 1 to {WIDE - 1}"):
            prune_feed_forward(whole, tmp_path / "narrow", width, CORPUS)
    with pytest.raises(InputError, match="at least 2"):
        prune_feed_forward(whole, tmp_path / "narrow", NARROW, CORPUS[:1])
    config = transformers.AlbertConfig(**{**_SIZES, "embedding_size": 16})
    transformers.AlbertModel(config).save_pretrained(whole)
    with pytest.raises(DistilError):
        prune_feed_forward(whole, tmp_path / "narrow", NARROW, CORPUS)
    assert not (tmp_path / "narrow").exists()
