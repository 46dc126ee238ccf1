"""Weights that find no place, have another shape or are no numbers; and which may be left over."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
from safetensors.torch import load_file, save_file

from edge_distil.errors import CheckpointError, TaskError
from edge_distil_export.checkpoints.checkpoint import find_checkpoint
from edge_distil_export.checkpoints.model import Loaded, load_model
from edge_distil_export.quiet import quiet_libraries

TOLERANCE = 1e-5
QUERY = "encoder.layer.0.attention.self.query"


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet_libraries():
        yield


@pytest.fixture
def make(checkpoint: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """(family, task) -> a copy of its tiny checkpoint."""
    return lambda family, task: Path(shutil.copytree(checkpoint(family, task), tmp_path / "model"))


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    file = folder / "model.safetensors"
    weights = load_file(file)
    change(weights)
    save_file(weights, file, {"format": "pt"})


def load(folder: Path, task: str) -> Loaded:
    return load_model(find_checkpoint(folder), task)


def close(loaded: Loaded, theirs: Any) -> None:
    """Compare the first output of the model that is traced with that of transformers' own."""
    ours = next(module for module in loaded.head.modules() if hasattr(module, "config"))
    ids = torch.arange(5, 12)[None]
    with torch.inference_mode():
        torch.testing.assert_close(
            ours(input_ids=ids)[0], theirs.eval()(input_ids=ids)[0], atol=TOLERANCE, rtol=0
        )


# What people's checkpoints hold that the library's classes do not read.
FOREIGN = {
    "relative positions": {
        f"bert.encoder.layer.{i}.attention.self.distance_embedding.weight": (127, 8)
        for i in range(2)
    },
    "lora": {f"bert.{QUERY}.lora_A.default.weight": (4, 32)},
    "ia3": {f"bert.{QUERY}.ia3_l": (32, 1)},
    "adapter": {"bert.encoder.layer.0.output.adapters.x.adapter_down.0.weight": (4, 32)},
    "prefix": {"prefix_encoder.embedding.weight": (4, 128)},
    "prompt": {"prompt_embeddings": (4, 32)},
    "second head": {"classifier2.weight": (2, 32)},
    "head of another library": {"emotions.out.weight": (3, 32)},
    "further layers": {"bert.encoder.layer.2.output.dense.weight": (32, 64)},
    "second encoder": {"document_encoder.encoder.layer.0.output.dense.weight": (32, 64)},
    "scales": {f"bert.{QUERY}.weight_scale": (32, 1)},
    "parametrization": {f"bert.{QUERY}.parametrizations.bias.original0": (32, 1)},
    "gate": {"bert.encoder.layer.1.output.gate": (32,)},
}


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("task", ["text-classification", "feature-extraction"])
def test_foreign_weights_are_refused_by_name(
    kind: str, task: str, make: Callable[..., Path]
) -> None:
    folder = make("bert", "text-classification")
    added = {name: torch.ones(shape) for name, shape in FOREIGN[kind].items()}
    rewrite(folder, lambda weights: weights.update(added))
    with pytest.raises(CheckpointError, match=re.escape(min(added))) as caught:
        load(folder, task)
    assert "\n" not in str(caught.value)


def test_many_are_counted(make: Callable[..., Path]) -> None:
    folder = make("distilbert", "question-answering")
    rewrite(folder, lambda w: w.update({f"extra.{i}": torch.ones(1) for i in range(9)}))
    with pytest.raises(CheckpointError, match=r"extra.0, extra.1, extra.2, ... 9 in all"):
        load(folder, "question-answering")


# Class that the checkpoint was saved from -> a task that it also serves, without that head.
HARMLESS = [
    ("bert", "BertForPreTraining", "fill-mask"),
    ("bert", "BertForPreTraining", "feature-extraction"),
    ("bert", "BertForMaskedLM", "sentence-similarity"),
    ("bert", "BertForQuestionAnswering", "feature-extraction"),
    ("bert", "BertModel", "sentence-similarity"),
    ("distilbert", "DistilBertForMaskedLM", "feature-extraction"),
    ("distilbert", "DistilBertForSequenceClassification", "sentence-similarity"),
    ("roberta", "RobertaForMaskedLM", "feature-extraction"),
    ("roberta", "RobertaForSequenceClassification", "feature-extraction"),
    ("xlm-roberta", "XLMRobertaForTokenClassification", "sentence-similarity"),
    ("electra", "ElectraForPreTraining", "feature-extraction"),
    ("albert", "AlbertForPreTraining", "fill-mask"),
    ("mobilebert", "MobileBertForPreTraining", "fill-mask"),
    ("mpnet", "MPNetForMaskedLM", "sentence-similarity"),
    ("modernbert", "ModernBertForMaskedLM", "feature-extraction"),
]


@pytest.mark.parametrize(("family", "saved", "task"), HARMLESS)
def test_heads_of_the_family_may_be_left(
    family: str, saved: str, task: str, tmp_path: Path
) -> None:
    style, config = tiny.FAMILIES[family]
    tokenizer = tiny.fast_tokenizer(style)
    sizes = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    getattr(transformers, saved)(config(**sizes)).save_pretrained(tmp_path)
    loaded = load(tmp_path, task)
    if task == "fill-mask":
        return
    close(loaded, transformers.AutoModel.from_pretrained(tmp_path))


def _pooler(weights: dict[str, torch.Tensor]) -> None:
    prefix = "roberta." if "roberta.embeddings.word_embeddings.weight" in weights else "bert."
    weights[f"{prefix}pooler.dense.weight"] = torch.ones(32, 32)
    weights[f"{prefix}pooler.dense.bias"] = torch.ones(32)


def _old_names(weights: dict[str, torch.Tensor]) -> None:
    for name in [n for n in weights if "LayerNorm." in n]:
        new = name.replace("LayerNorm.weight", "LayerNorm.gamma")
        weights[new.replace("LayerNorm.bias", "LayerNorm.beta")] = weights.pop(name)


def _positions(weights: dict[str, torch.Tensor]) -> None:
    weights["bert.embeddings.position_ids"] = torch.arange(tiny.POSITIONS)[None]


def _deberta_heads(weights: dict[str, torch.Tensor]) -> None:
    weights["lm_predictions.lm_head.dense.weight"] = torch.ones(32, 32)
    weights["mask_predictions.dense.weight"] = torch.ones(32, 32)


@pytest.mark.parametrize(
    ("family", "saved", "task", "change"),
    [
        ("roberta", "text-classification", "text-classification", _pooler),
        ("roberta", "fill-mask", "fill-mask", _pooler),
        ("bert", "question-answering", "question-answering", _pooler),
        ("bert", "fill-mask", "feature-extraction", _old_names),
        ("bert", "text-classification", "text-classification", _old_names),
        ("bert", "text-classification", "text-classification", _positions),
    ],
)
def test_left_overs_of_published_checkpoints(
    family: str,
    saved: str,
    task: str,
    change: Callable[[dict[str, torch.Tensor]], None],
    make: Callable[..., Path],
) -> None:
    folder = make(family, saved)
    rewrite(folder, change)
    loaded = load(folder, task)
    close(loaded, getattr(transformers, tiny.AUTO_CLASSES[task]).from_pretrained(folder))


def test_deberta_as_it_was_published(tmp_path: Path) -> None:
    config = transformers.DebertaV2Config(
        vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, relative_attention=True, position_biased_input=False,
    )  # fmt: skip
    model = transformers.DebertaV2Model(config)
    model.save_pretrained(tmp_path)
    rewrite(tmp_path, _deberta_heads)
    assert load(tmp_path, "feature-extraction").parameters == model.num_parameters()


def test_another_shape_names_the_weight(make: Callable[..., Path]) -> None:
    folder = make("bert", "text-classification")
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(i): f"L{i}" for i in range(5)}
    (folder / "config.json").write_text(json.dumps(config))
    shapes = r"classifier.bias is \(2,\), expected \(5,\) by config.json and 1 more"
    with pytest.raises(CheckpointError, match=shapes):
        load(folder, "text-classification")


def test_a_missing_layer_is_refused(make: Callable[..., Path]) -> None:
    folder = make("bert", "text-classification")
    rewrite(folder, lambda weights: weights.pop(f"bert.{QUERY}.weight"))
    with pytest.raises(TaskError, match=re.escape(QUERY)):
        load(folder, "text-classification")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "name", ["bert.embeddings.word_embeddings.weight", "bert.pooler.dense.bias", "classifier.bias"]
)
def test_what_is_no_number_is_refused(name: str, number: float, make: Callable[..., Path]) -> None:
    folder = make("bert", "text-classification")
    rewrite(folder, lambda weights: weights[name].view(-1)[-1:].fill_(number))
    with pytest.raises(CheckpointError, match=f"weight {name} holds NaN or infinity") as caught:
        load(folder, "text-classification")
    assert "\n" not in str(caught.value)


def test_in_a_dense_module_too(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    base = checkpoint("bert", "feature-extraction")
    folder = tiny.save_sentence_model(tmp_path / "s", base, "mean", normalize=True, dense=True)
    (dense,) = folder.glob("*_Dense")
    rewrite(dense, lambda weights: weights["linear.bias"].fill_(float("nan")))
    with pytest.raises(CheckpointError, match=r"weight steps\.0\.linear\.bias holds NaN"):
        load(folder, "sentence-similarity")
