"""Families beside the nine, from text to numbers, in fp32 and int8, against their own library."""

from __future__ import annotations

from pathlib import Path

import further
import numpy as np
import onnxruntime
import pytest
import shelf
import tiny
import torch
import transformers
from originals import library

import edge_distil as ed
from edge_distil.errors import QuantizeError, TaskError
from edge_distil_export import export_bundle

TOLERANCE = 1e-5
LEAST_COSINE = 0.995  # of a text's numbers in int8: tiny random models have little to average over
TEXTS = [
    "Ada lived in London.",
    "The quick brown fox jumps over the lazy dog, and sleeps on it.",
    "a",
]
QUICK = ("deberta-v2", "gemma3_text")
CONVOLUTIONS = ("squeezebert",)  # and no matrix: int8 has the table alone, here a small one
HEADS = [task for task in tiny.AUTO_CLASSES if task != "feature-extraction"]
FAMILIES = [
    pytest.param(name, marks=pytest.mark.safety if name in QUICK else pytest.mark.slow)
    for name in further.FURTHER
]


def check_vectors(folder: Path, output: Path, *, int8: bool = True) -> None:
    """Compare vectors with those of sentence-transformers, of each text alone."""
    bundle = export_bundle(folder, output, task="sentence-similarity")
    model = library(folder)
    want = np.stack([model.encode(text, show_progress_bar=False) for text in TEXTS])
    np.testing.assert_allclose(ed.load(output).encode(TEXTS), want, rtol=0, atol=TOLERANCE)
    if not int8:
        with pytest.raises(QuantizeError, match=r"nothing can be quantized; .*: use fp32"):
            shelf.quantize(bundle)
        return
    small = ed.load(shelf.quantize(bundle).path, variant="int8")
    found = small.encode(TEXTS)
    for vector, alone, text in zip(found, want, TEXTS, strict=True):
        assert vector @ alone / np.linalg.norm(vector) / np.linalg.norm(alone) > LEAST_COSINE
        np.testing.assert_array_equal(vector, small.encode(text))


@pytest.mark.parametrize("family", FAMILIES)
def test_vectors(family: str, tmp_path: Path) -> None:
    folder = further.save(tmp_path / "model", family)
    check_vectors(folder, tmp_path / "bundle", int8=family not in CONVOLUTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("task", HEADS)
@pytest.mark.parametrize("family", further.FURTHER)
def test_heads(family: str, task: str, tmp_path: Path) -> None:
    """Padded rows too: a token that is padding must not show in the others."""
    auto = getattr(transformers, tiny.AUTO_CLASSES[task])
    if type(further.config(family)) not in auto._model_mapping:
        folder = further.save(tmp_path / "model", family)
        with pytest.raises(TaskError, match=f"has no model for {task}"):
            export_bundle(folder, tmp_path / "bundle", task=task)
        return
    folder = further.save(tmp_path / "model", family, task)
    bundle = export_bundle(folder, tmp_path / "bundle", task=task)
    variants = ["fp32"]
    if family not in CONVOLUTIONS:
        bundle, variants = shelf.quantize(bundle), ["fp32", "int8"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = auto.from_pretrained(folder).eval()
    encoded = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        said = model(**encoded)
    want = {name: said[name].numpy() for name in said if isinstance(said[name], torch.Tensor)}
    real = encoded["attention_mask"].numpy() == 1
    for variant in variants:
        session = onnxruntime.InferenceSession(bundle.model_path(variant))
        types = {"token_type_ids": torch.zeros_like(encoded["input_ids"])}
        feeds = {i.name: {**types, **encoded}[i.name].numpy() for i in session.get_inputs()}
        for output, found in zip(session.get_outputs(), session.run(None, feeds), strict=True):
            given, wanted = (
                x[real] if x.shape[:2] == real.shape else x for x in (found, want[output.name])
            )
            if variant == "fp32":
                np.testing.assert_allclose(given, wanted, rtol=0, atol=TOLERANCE)
            else:
                close = np.vdot(given, wanted) / np.linalg.norm(given) / np.linalg.norm(wanted)
                assert close > LEAST_COSINE


@pytest.mark.safety
@pytest.mark.parametrize("family", ["qwen3", pytest.param("llama", marks=pytest.mark.slow)])
def test_decoders_that_embed(family: str, tmp_path: Path) -> None:
    """As Qwen3-Embedding does: the last token has seen the whole text."""
    base = further.save(tmp_path / "base", family)
    with pytest.raises(TaskError, match="is a decoder: a token sees those before it alone"):
        export_bundle(base, tmp_path / "bundle", task="feature-extraction")
    folder = tiny.save_sentence_model(
        tmp_path / "st", base, "lasttoken", normalize=True, dense=False
    )
    check_vectors(folder, tmp_path / "bundle")
    with pytest.raises(TaskError, match="is a decoder"):
        export_bundle(folder, tmp_path / "other", task="feature-extraction")


@pytest.mark.parametrize("family", ["longformer", "xmod", "reformer", "canine", "perceiver"])
def test_what_no_graph_can_hold_is_said_at_once(family: str, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    transformers.CONFIG_MAPPING[family]().save_pretrained(model)
    (model / "model.safetensors").touch()
    with pytest.raises(
        TaskError, match=f"model \\({family}\\) .*, which a graph cannot hold: choose"
    ):
        export_bundle(model, tmp_path / "bundle", task="feature-extraction")
