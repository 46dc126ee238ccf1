"""Tiny bundles, each exported once for the whole run."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shelf

from edge_distil._writing import storage
from edge_distil.bundle import Bundle, open_bundle

VOCABULARY = 1000  # with 64 numbers a row, large enough to be quantized
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'"
BERT_SIZES = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 64,
}
DISTIL_SIZES = {
    "dim": 64,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 128,
    "max_position_embeddings": 64,
}


def save_checkpoint(folder: Path, model_class: str, config_class: str, **sizes: Any) -> Path:
    """A seeded random model: biases that are not zero, weights that make answers differ."""
    import torch
    import transformers

    config = getattr(transformers, config_class)(**{"vocab_size": VOCABULARY, **sizes})
    torch.manual_seed(3)
    model = getattr(transformers, model_class)(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 and "position" not in name:
                parameter.normal_(0, 0.15)
            elif "bias" in name:
                parameter.normal_(0, 0.3)
    model.save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [prefix + letter for letter in LETTERS for prefix in ("", "##")]
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token="[CLS]",
        pad_token="[PAD]",
        sep_token="[SEP]",
        unk_token="[UNK]",
        mask_token="[MASK]",
        model_max_length=64,
    )


KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "qa": ("DistilBertForQuestionAnswering", "DistilBertConfig", DISTIL_SIZES),
    "tied": ("DistilBertForMaskedLM", "DistilBertConfig", DISTIL_SIZES),
    # Its last layer is sliced to the first token.
    "classifier": ("DistilBertForSequenceClassification", "DistilBertConfig", DISTIL_SIZES),
    "shared": (
        "AlbertForSequenceClassification",
        "AlbertConfig",
        {**BERT_SIZES, "embedding_size": 32},
    ),
}


@pytest.fixture
def checkpoint_of() -> Callable[..., Path]:
    """Give `save_checkpoint`."""
    return save_checkpoint


@pytest.fixture(scope="session")
def exported() -> Callable[[str], Path]:
    """Export a bundle of a kind, once; never changed."""

    def make(kind: str, folder: Path) -> None:
        from edge_distil_export import export_bundle

        model_class, config_class, sizes = KINDS[kind]
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's and transformers' own
            checkpoint = save_checkpoint(folder / "checkpoint", model_class, config_class, **sizes)
            export_bundle(checkpoint, folder / "bundle")

    @cache
    def export(kind: str) -> Path:
        return shelf.keep(f"kind-{kind}", partial(make, kind), Path(__file__)) / "bundle"

    return export


@pytest.fixture
def bundle(exported: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Bundle]:
    """Give a private copy of an exported bundle."""

    def copy(kind: str) -> Bundle:
        target = tmp_path / kind
        shutil.copytree(exported(kind), target)
        return open_bundle(target)

    return copy


@pytest.fixture
def digest() -> Callable[[Path], dict[str, str]]:
    """Give the sha256 of every file under a directory."""

    def of(folder: Path) -> dict[str, str]:
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        return {p.relative_to(folder).as_posix(): storage.sha256(p) for p in files}

    return of


@pytest.fixture
def token_ids() -> np.ndarray:
    """Random token ids (batch 3, sequence 24), always the same."""
    return np.random.default_rng(5).integers(5, VOCABULARY, (3, 24))
