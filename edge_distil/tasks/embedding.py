"""Embeddings: texts to vectors, by sentence-transformers' conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from edge_distil import pooling
from edge_distil.errors import InputError, TaskError
from edge_distil.pooling import Floats
from edge_distil.precision import Precision, check_precision, quantize_embeddings
from edge_distil.tasks.base import Task
from edge_distil.tokenizer import collate

_POOLED = "sentence_embedding"
_HIDDEN = ("last_hidden_state", "token_embeddings")  # ours and optimum's, sentence-transformers'


class Embedding(Task):
    """Embeds texts.

    A ``sentence-similarity`` bundle pools and normalises as its checkpoint says. A plain
    ``feature-extraction`` bundle takes the mean over the tokens.
    """

    names: ClassVar[tuple[str, ...]] = ("sentence-similarity", "feature-extraction")

    def encode(
        self,
        texts: str | Iterable[str],
        *,
        batch_size: int | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        precision: Precision = "float32",
        prompt_name: str | None = None,
        prompt: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> NDArray[Any]:
        """Embed texts, each cut to the model's maximum length.

        Args:
            texts: A text, or texts; input order is kept.
            batch_size: At most so many texts a batch; by default as many as are fast.
            normalize_embeddings: Scale vectors to length 1 (the bundle may do so already).
            truncate_dim: Keep the first so many dimensions (Matryoshka models).
            precision: ``"float32"``, ``"int8"``, ``"uint8"``, ``"binary"`` or ``"ubinary"``; see
                `edge_distil.precision.quantize_embeddings`.
            prompt_name: Put the checkpoint's prompt of that name before each text.
            prompt: Put this before each text.
            progress: Called with the number of texts done and of all.

        Returns:
            ``(n, dimension)``; ``(dimension,)`` for a single text.

        Raises:
            InputError: Something is no text, an unknown prompt or precision.
        """
        check_precision(precision)
        if truncate_dim is not None and truncate_dim < 1:
            raise InputError(f"truncate_dim is {truncate_dim}, expected at least 1")
        single = isinstance(texts, str)
        prefix = self._prompt(prompt_name, prompt)
        batch = [texts] if isinstance(texts, str) else list(texts)
        encodings = self.encoder.tokenizer.encode([prefix + t for t in batch] if prefix else batch)
        vectors = self._vectors(encodings, batch_size, progress)[:, :truncate_dim]
        if normalize_embeddings:
            vectors = pooling.normalize(vectors)
        quantized = quantize_embeddings(vectors, precision) if len(vectors) else vectors
        return quantized[0] if single else quantized

    def hidden_states(self, texts: Iterable[str]) -> list[Floats]:
        """Return each text's token vectors ``(tokens, hidden)``, special tokens included.

        Raises:
            TaskError: The bundle gives the first token's alone, being for CLS pooling.
        """
        encodings = self.encoder.tokenizer.encode(list(texts))
        name = self._hidden_name()
        states: dict[int, Floats] = {}
        for indices, outputs in self.encoder.run(encodings, (name,)):
            if outputs[name].shape[1] < len(encodings[indices[0]]):
                raise TaskError(
                    f"{self.bundle.path} gives the first token's vector alone, which is all that "
                    "its CLS pooling reads: export it with --no-slice for the vectors of all tokens"
                )
            for row, index in enumerate(indices):
                states[index] = outputs[name][row, : len(encodings[index])]
        return [states[index] for index in range(len(encodings))]

    def _vectors(
        self,
        encodings: list[Encoding],
        batch_size: int | None,
        progress: Callable[[int, int], None] | None,
    ) -> Floats:
        pooled = _POOLED in self.encoder.session.outputs
        name = _POOLED if pooled else self._hidden_name()
        rows: list[Floats] = [np.empty(0, np.float32)] * len(encodings)
        done = 0
        for indices, outputs in self.encoder.run(encodings, (name,), batch_size=batch_size):
            vectors = outputs[name]
            if not pooled:
                mask = collate([encodings[i] for i in indices], 0)["attention_mask"]
                vectors = self._pool(vectors, mask)
            for row, index in enumerate(indices):
                rows[index] = vectors[row]
            done += len(indices)
            if progress:
                progress(done, len(encodings))
        return np.stack(rows) if rows else np.empty((0, self._dimension()), np.float32)

    def _pool(self, hidden: Floats, mask: NDArray[np.int64]) -> Floats:
        """Pool ``(batch, sequence, hidden)`` as the manifest says."""
        settings = self.bundle.manifest.pooling
        vectors = pooling.pool(hidden, mask, settings.mode if settings else "mean")
        return pooling.normalize(vectors) if settings and settings.normalize else vectors

    def _hidden_name(self) -> str:
        """Return the graph's output of token vectors, by name or else the first."""
        outputs = self.encoder.session.outputs
        return next((name for name in _HIDDEN if name in outputs), outputs[0])

    def _dimension(self) -> int:
        settings = self.bundle.manifest.pooling
        return settings.dimension if settings else 0

    def _prompt(self, name: str | None, prompt: str | None) -> str:
        settings = self.bundle.manifest.pooling
        prompts = settings.prompts if settings else {}
        name = name or (settings.default_prompt if settings else None)
        if prompt is not None or name is None:
            return prompt or ""
        if name not in prompts:
            raise InputError(
                f"the bundle has no prompt {name!r}, only {', '.join(prompts) or 'none'}: give the "
                "text itself as prompt"
            )
        return prompts[name]
