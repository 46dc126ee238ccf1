"""Checkpoints of static embeddings, saved by their own libraries: seeded random tables."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tiny
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

DIMENSION = 96  # with some 200 tokens a table that `int8` takes, and that 4-bit blocks divide
TEXTS = (
    "The quick brown fox jumps over the lazy dog.",
    "Où était le café « Élysée » à Zürich? Москва, 東京は日本の首都です。",
    "I ❤️ 🍕 and 👩‍🚀! [SEP] <s> [UNK]",
    "",
    " \t\n ",
    "🍕",
    "Ada Lovelace lived in London; " * 300,
)


def unigram() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<unk>", "<pad>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(tiny.CORPUS, trainer)
    return tokenizer


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "WordPiece": tiny.wordpiece, "BPE": tiny.byte_pairs, "Unigram": unigram,
}  # fmt: skip


def numbers(*shape: int, seed: int = 7) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def of_model2vec(
    folder: Path,
    kind: str = "WordPiece",
    *,
    dtype: str = "float32",
    rows: int | None = None,
    weights: bool = False,
    **options: Any,
) -> Path:
    """Let model2vec save a table.

    Args:
        folder: Where.
        kind: One of `TOKENIZERS`.
        dtype: Of the table; int8 numbers are as model2vec leaves them, without their scale.
        rows: So many, shared by the tokens, with a mapping; one a token when ``None``.
        weights: Give each token a factor.
        options: StaticModel's own.
    """
    from model2vec import StaticModel

    tokenizer = TOKENIZERS[kind]()
    tokens = tokenizer.get_vocab_size()
    table = numbers(rows or tokens, DIMENSION)
    if dtype == "int8":
        table = np.rint(table * 30).clip(-127, 127)
    if rows is not None:
        options["token_mapping"] = np.random.default_rng(3).integers(0, rows, tokens)
    if weights:
        options["weights"] = np.abs(numbers(tokens, seed=5)).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        StaticModel(table.astype(dtype), tokenizer, **options).save_pretrained(folder)
    return folder


def of_sentence_transformers(
    folder: Path,
    kind: str = "WordPiece",
    *,
    inside: bool = False,
    behind: Callable[[Any], Sequence[Any]] = lambda _: (),
    truncation: dict[str, Any] | None = None,
    **options: Any,
) -> Path:
    """Let sentence-transformers save a table.

    Args:
        folder: Where.
        kind: One of `TOKENIZERS`.
        inside: Put the table into ``0_StaticEmbedding``, as releases before 5.2 did.
        behind: The library's modules -> those behind the table.
        truncation: What the tokenizer itself cuts.
        options: SentenceTransformer's own.
    """
    tokenizer = TOKENIZERS[kind]()
    if truncation is not None:
        tokenizer.enable_truncation(**truncation)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer, models
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        table = numbers(tokenizer.get_vocab_size(), DIMENSION)
        first = StaticEmbedding(tokenizer, embedding_weights=table)
        first.save_in_root = not inside
        modules = [first, *behind(models)]
        SentenceTransformer(modules=modules, device="cpu", **options).save(str(folder))
    return folder


def answers_of_model2vec(folder: Path, texts: Sequence[str]) -> Any:
    """What model2vec's users get; float16 tables compute in float32, as a bundle does."""
    from model2vec import StaticModel

    model: Any = StaticModel.from_pretrained(folder)
    if model.embedding.dtype == np.float16:
        model.embedding = model.embedding.astype(np.float32)
    return model.encode(list(texts))


def answers_of_sentence_transformers(
    folder: Path, texts: Sequence[str], *, double: bool = False
) -> Any:
    """What its users get, text by text; or the library's own numbers in float64."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        model = model.double() if double else model
        rows = [model.encode(text, show_progress_bar=False) for text in texts]
    return np.stack(rows)
