"""Witnesses of static embeddings: model2vec, or the tokenizer alone where the library is absent."""

from __future__ import annotations

from typing import Any

import numpy as np
from tokenizers import Tokenizer

from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.static import MODEL2VEC
from edge_distil_export.checkpoints.static_tokens import read_tokens
from edge_distil_export.witness.testimony import Probe, Row, Seen

LONG = 1_024  # tokens of the longest text that is tried where there is no limit


def as_transformers(tokenizer: Any) -> Any:
    """Give a tokenizer the names that probes are made with; one that has them stays as it is."""
    if not isinstance(tokenizer, Tokenizer):
        return tokenizer
    from transformers import PreTrainedTokenizerFast

    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    return PreTrainedTokenizerFast(tokenizer_object=copy)


class _Ear:
    """A tokenizer that keeps the ids which it gives."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.rows: list[Row] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def encode_batch_fast(self, texts: list[str], **options: Any) -> list[Any]:
        found = self._tokenizer.encode_batch_fast(texts, **options)
        self.rows += [_row(encoding.ids) for encoding in found]
        return found


class StaticWitness:
    """A checkpoint in model2vec, asked by ``encode``."""

    library = MODEL2VEC
    kind = "StaticModel"
    pairs_only = False
    labels: tuple[str | None, ...] = ()
    prompts: tuple[str, ...] = ()

    def __init__(self, source: Source, limit: int) -> None:
        from model2vec import StaticModel

        self._model: Any = StaticModel.from_pretrained(source.path)
        if self._model.embedding.dtype == np.float16:
            # It would give float16; what a bundle computes is its float32.
            self._model.embedding = self._model.embedding.astype(np.float32)
        self.tokenizer = as_transformers(self._model.tokenizer)
        self._ear = self._model.tokenizer = _Ear(self._model.tokenizer)
        self.limit = min(limit, LONG)

    def see(self, probe: Probe) -> Seen:
        """Read a probe; its tokens are those before unknown ones are left out.

        Raises:
            Exception: Whatever model2vec raises.
        """
        self._ear.rows = []
        vector = self._model.encode([probe.text])[0]
        return Seen(tuple(self._ear.rows), vector if probe.whole else None)


class TokensWitness:
    """The checkpoint's tokenizer, called as its library calls it."""

    library = "tokenizers"
    kind = "Tokenizer"
    pairs_only = False
    labels: tuple[str | None, ...] = ()
    prompts: tuple[str, ...] = ()

    def __init__(self, source: Source, limit: int) -> None:
        self._tokens = read_tokens(source)
        self.tokenizer = as_transformers(self._tokens.tokenizer)
        self.limit = min(limit, LONG)

    def see(self, probe: Probe) -> Seen:
        """Tokenize a probe."""
        text = str(probe.text)[: self._tokens.max_characters]
        ids, longest = self._tokens.ids(text), self._tokens.max_length
        cut = slice(-longest, None) if self._tokens.left else slice(longest)
        return Seen((_row(ids[cut]),))


def _row(ids: list[int]) -> Row:
    return Row(tuple(ids), (0,) * len(ids), {})
