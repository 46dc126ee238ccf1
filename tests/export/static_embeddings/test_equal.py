"""Bundles of static embeddings give what model2vec and sentence-transformers give."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("model2vec")

from static_embeddings.checkpoints import (
    TEXTS,
    TOKENIZERS,
    answers_of_model2vec,
    answers_of_sentence_transformers,
    of_model2vec,
    of_sentence_transformers,
)

import edge_distil as ed
from edge_distil_export import export_bundle

pytestmark = pytest.mark.wide

TOLERANCE = 1e-5
MODEL2VEC: dict[str, dict[str, Any]] = {
    **{f"{kind}, normalised": {"kind": kind, "normalize": True} for kind in TOKENIZERS},
    "as they are": {},
    "a mapping": {"rows": 40},
    "a mapping and weights": {"rows": 40, "weights": True, "normalize": True},
    "weights": {"weights": True},
    "float16": {"dtype": "float16", "normalize": True},
    "float64": {"dtype": "float64"},
    "int8, a mapping and weights": {
        "dtype": "int8", "rows": 40, "weights": True, "normalize": True, "kind": "Unigram",
    },
    "16 tokens": {"max_length": 16},
    "no limit": {"max_length": None},
}  # fmt: skip
SENTENCE: dict[str, dict[str, Any]] = {
    **{kind: {"kind": kind} for kind in TOKENIZERS},
    "0_StaticEmbedding": {"inside": True},
    "Normalize": {"behind": lambda m: [m.Normalize()]},
    "Dense and Normalize": {
        "behind": lambda m: [m.Dense(96, 40, activation_function=torch.nn.Tanh()), m.Normalize()],
        "inside": True,
    },
    "cut at 16 tokens": {"truncation": {"max_length": 16}},
    "cut at 16 tokens on the left": {"truncation": {"max_length": 16, "direction": "left"}},
    "prompts": {"prompts": {"query": "find: ", "document": ""}, "default_prompt_name": "query"},
}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)  # of Dense modules


def close(found: Any, expected: Any) -> None:
    scale = max(1.0, float(np.abs(expected).max()))  # raw int8 numbers reach 127
    assert np.abs(np.subtract(found, expected)).max() <= TOLERANCE * scale


def check(folder: Path, output: Path, answers: Callable[[Path, Any], Any]) -> ed.Embedding:
    """Export, and compare texts at once, one by one and in another order."""
    export_bundle(folder, output)
    task = ed.Embedding.load(output)
    expected = answers(folder, TEXTS)
    close(task.encode(TEXTS), expected)
    close([task.encode(text) for text in TEXTS], expected)
    assert task.encode(TEXTS[::-1])[::-1].tobytes() == task.encode(TEXTS).tobytes()
    return task


@pytest.mark.parametrize("name", MODEL2VEC)
def test_model2vec(name: str, tmp_path: Path) -> None:
    folder = of_model2vec(tmp_path / "model", **MODEL2VEC[name])
    task = check(folder, tmp_path / "out", answers_of_model2vec)
    proof = task.bundle.manifest.variants["fp32"].evidence["end_to_end"]
    assert (proof["witness"], proof["class"]) == ("model2vec", "StaticModel")
    assert "unseen" not in proof


@pytest.mark.parametrize("name", SENTENCE)
def test_sentence_transformers(name: str, tmp_path: Path) -> None:
    folder = of_sentence_transformers(tmp_path / "model", **SENTENCE[name])
    assert (folder / "0_StaticEmbedding").is_dir() == SENTENCE[name].get("inside", False)
    task = check(folder, tmp_path / "out", answers_of_sentence_transformers)
    proof = task.bundle.manifest.variants["fp32"].evidence["end_to_end"]
    assert (proof["witness"], proof["class"]) == ("sentence-transformers", "SentenceTransformer")


def test_texts_without_a_known_token_are_zeros(tmp_path: Path) -> None:
    """Not the mean of nothing; and unknown tokens beside others change nothing."""
    folder = of_model2vec(tmp_path / "model", normalize=True)
    task = check(folder, tmp_path / "out", answers_of_model2vec)
    nothing = task.encode(["", "🍕", "🍕 🍕"])
    assert not nothing.any()
    close(task.encode("the dog 🍕"), task.encode("the 🍕 dog 🍕"))
    assert task.hidden_states(["", "the"])[0].shape == (0, 96)


@pytest.mark.parametrize("types", [{}, {"model_type": "model2vec"}])
def test_model2vec_without_modules_json(types: dict[str, str], tmp_path: Path) -> None:
    """As its early releases wrote it."""
    folder = of_model2vec(tmp_path / "model", normalize=True)
    (folder / "modules.json").unlink()
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **types}))
    check(folder, tmp_path / "out", answers_of_model2vec)


def test_a_long_text_is_cut_where_model2vec_cuts_it(tmp_path: Path) -> None:
    """By characters first: words longer than the vocabulary's are fewer tokens than its limit."""
    folder = of_model2vec(tmp_path / "model", max_length=64)
    task = check(folder, tmp_path / "out", answers_of_model2vec)
    texts = ["jumps " * 200, "capital " * 200, "  ".join("sleeps" for _ in range(300))]
    close(task.encode(texts), answers_of_model2vec(folder, texts))


@pytest.mark.parametrize("words", [3_000, 100_000])
def test_long_texts_are_read_whole_where_the_library_reads_them(words: int, tmp_path: Path) -> None:
    """In float32 it adds up 300,000 numbers one after the other, and is 1e-4 off its float64."""
    folder = of_sentence_transformers(tmp_path / "model", behind=lambda m: [m.Normalize()])
    task = check(folder, tmp_path / "out", answers_of_sentence_transformers)
    chosen = np.random.default_rng(1).choice("the dog Paris fox ran 東京 it's 99.5%".split(), words)
    texts = [" ".join(chosen), TEXTS[0]]
    expected = answers_of_sentence_transformers(folder, texts, double=words > 3_000)
    close(task.encode(texts), expected)
    close(task.encode(texts[0]), expected[0])


def test_the_tokenizer_is_that_of_the_library_for_others_too(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = of_model2vec(tmp_path / "model")
    export_bundle(folder, tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    expected = TOKENIZERS["WordPiece"]().encode(TEXTS[0], add_special_tokens=False).ids
    assert tokenizer(TEXTS[0])["input_ids"] == expected
    assert tokenizer.model_max_length == 512


def test_without_the_library_its_tokenizer_alone_is_the_witness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_distil_export.witness import consult

    folder = of_model2vec(tmp_path / "model", normalize=True)
    monkeypatch.setattr(consult, "is_installed", lambda _: False)
    bundle = export_bundle(folder, tmp_path / "out")
    proof = bundle.manifest.variants["fp32"].evidence["end_to_end"]
    assert proof["unseen"] == "its vectors: model2vec is not installed"
    close(ed.Embedding.load(tmp_path / "out").encode(TEXTS), answers_of_model2vec(folder, TEXTS))


def test_setfits_head_on_a_table(tmp_path: Path) -> None:
    import joblib
    from sklearn.linear_model import LogisticRegression

    folder = of_sentence_transformers(tmp_path / "model")
    random = np.random.default_rng(3)
    head = LogisticRegression().fit(random.normal(size=(60, 96)), random.integers(0, 3, 60))
    joblib.dump(head, folder / "model_head.pkl")
    (folder / "config_setfit.json").write_text('{"labels": ["a", "b", "c"]}')
    export_bundle(folder, tmp_path / "out", trust_pickle=True)
    task = ed.TextClassification.load(tmp_path / "out")
    expected = head.predict_proba(answers_of_sentence_transformers(folder, TEXTS))
    found = [dict(task(text, top_k=None)) for text in TEXTS]
    close([[scores[name] for name in "abc"] for scores in found], expected)
