"""Hub directories with ONNX files and no manifest, against the library on the checkpoint."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import shelf
import torch
import transformers
from onnx import TensorProto, helper
from originals import TEXTS, edit, library
from tiny import POSITIONS, fast_tokenizer, save_sentence_model

import edge_distil as ed
from edge_distil.errors import TaskError

pytestmark = pytest.mark.wide

TOLERANCE = 1e-5
PAIR = ("the dog", "Sleeps on and on")


def plain(checkpoint: Path, folder: Path, *, flat: bool = False) -> Path:
    """Put the graph of a checkpoint's export beside the checkpoint's own files."""
    bundle = shelf.export(checkpoint, folder.with_name("bundle"))
    shutil.copytree(checkpoint, folder)
    (folder / "model.safetensors").unlink()
    target = folder / ("model.onnx" if flat else "onnx/model.onnx")
    target.parent.mkdir(exist_ok=True)
    shutil.copy(bundle.model_path("fp32"), target)
    return folder


FAMILIES = {
    "bert": (transformers.BertConfig, "bert"),
    "data2vec-text": (transformers.Data2VecTextConfig, "roberta"),
    "roberta-prelayernorm": (transformers.RobertaPreLayerNormConfig, "roberta"),
    "camembert": (transformers.CamembertConfig, "roberta"),
    "xlm-roberta-xl": (transformers.XLMRobertaXLConfig, "roberta"),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_positions_are_derived(family: str, tmp_path: Path) -> None:
    """No tokenizer limit: as long as the model takes, one more token and PyTorch fails."""
    kind, style = FAMILIES[family]
    tokenizer = fast_tokenizer(style)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = kind(
        **sizes,
        intermediate_size=64,
        vocab_size=len(tokenizer),
        max_position_embeddings=POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = transformers.AutoModel.from_config(config).eval()
    model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    longest = ed.load(plain(tmp_path / "model", tmp_path / "plain")).bundle.manifest.max_length
    assert longest == ed.open_bundle(tmp_path / "bundle").manifest.max_length
    model(torch.full((1, longest), 7))
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, longest + 1), 7))


@pytest.mark.parametrize(
    "changes",
    [
        {"tokenizer_class": "DistilBertTokenizerFast"},
        {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False},
        {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
        {"truncation_side": "left", "model_max_length": 6},
    ],
    ids=str,
)
def test_pairs(changes: dict[str, Any], checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = plain(checkpoint("bert", "text-classification"), tmp_path / "plain", flat=True)
    edit(folder / "tokenizer_config.json", **{"model_input_names": None, **changes})
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        checkpoint("bert", "text-classification")
    )
    with torch.inference_mode():
        encoded = tokenizer(*PAIR, truncation=True, return_tensors="pt")
        want = model(**encoded).logits[0].softmax(0)
    found = {label.label: label.score for label in ed.load(folder)(*PAIR, top_k=None)}
    scores = [found[model.config.id2label[i]] for i in range(len(want))]
    np.testing.assert_allclose(scores, want, rtol=0, atol=TOLERANCE)


def test_sentence_settings(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    base = checkpoint("bert", "feature-extraction")
    source = save_sentence_model(tmp_path / "st", base, "weightedmean", normalize=True, dense=False)
    cased = json.loads((source / "tokenizer.json").read_text("utf-8"))
    cased["normalizer"]["lowercase"] = False
    edit(source / "tokenizer.json", normalizer=cased["normalizer"])
    settings = source / "sentence_bert_config.json"
    settings.unlink()
    edit(source / "sentence_roberta_config.json", max_seq_length=30, do_lower_case=True)
    edit(source / "tokenizer_config.json", model_max_length=9)
    folder = plain(source, tmp_path / "plain")
    graph = onnx.load(folder / "onnx/model.onnx")
    del graph.graph.output[1:]  # as optimum writes it: the token vectors alone
    onnx.save(graph, folder / "onnx/model.onnx")
    want = np.stack([library(source).encode(text) for text in TEXTS])
    np.testing.assert_allclose(ed.load(folder).encode(TEXTS), want, rtol=0, atol=TOLERANCE)
    edit(folder / settings.name, tokenizer_args={"truncation_side": "left"})
    with pytest.raises(TaskError, match=r"options of its own \(truncation_side\)"):
        ed.load(folder)


def test_inputs_of_32_bits(checkpoint: Callable[..., Path], tmp_path: Path) -> None:
    folder = plain(checkpoint("bert", "text-classification"), tmp_path / "plain")
    want = ed.load(folder)(*PAIR, top_k=None)
    model = onnx.load(folder / "onnx/model.onnx")
    for tensor in model.graph.input:
        for node in model.graph.node:
            node.input[:] = [f"{n}_64" if n == tensor.name else n for n in node.input]
        tensor.type.tensor_type.elem_type = TensorProto.INT32
        cast = helper.make_node("Cast", [tensor.name], [f"{tensor.name}_64"], to=TensorProto.INT64)
        model.graph.node.insert(0, cast)
    onnx.save(model, folder / "onnx/model.onnx")
    assert ed.load(folder)(*PAIR, top_k=None) == want
