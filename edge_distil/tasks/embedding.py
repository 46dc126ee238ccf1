"""Embeddings: texts to vectors, by sentence-transformers' conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import closing
from functools import cached_property, partial
from itertools import islice, repeat
from pathlib import Path
from typing import Any, ClassVar, Self, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tokenizers import Encoding

from edge_distil import calls, pooling, similarity
from edge_distil._tokenizing.reading import tokenized
from edge_distil._tokenizing.rows import Bag, Row
from edge_distil.encoder import Encoder, open_encoder
from edge_distil.errors import InputTypeError, TaskError
from edge_distil.pooling import Floats
from edge_distil.precision import Precision, check_precision, quantize_embeddings
from edge_distil.progress import Progress, counting
from edge_distil.streaming import WINDOW, Work, is_long, stream
from edge_distil.tasks import prompts
from edge_distil.tasks.base import Task
from edge_distil.tasks.vectors import Vectors

# Tokens from which a text of a static embedding is counted first: vectors of fewer take a few
# megabytes at most, and counting costs more than it saves.
_COUNTED = 2_048


class Embedding(Task):
    """Embeds texts.

    A ``sentence-similarity`` bundle pools and normalises as its checkpoint says. A plain
    ``feature-extraction`` bundle takes the mean over the tokens.
    """

    names: ClassVar[tuple[str, ...]] = ("sentence-similarity", "feature-extraction")

    @classmethod
    def load_for_bulk(
        cls,
        path: str | Path,
        *,
        variant: str | None = None,
        engine: str | None = None,
        threads: int | None = None,
        untrusted: bool = False,
    ) -> Self:
        """Open a bundle for long lists and streams alone.

        `load` opens a session whose threads share one text, which is quickest for a query, and
        for the first long list one whose threads take a batch each. This opens the latter alone.
        See `edge_distil.load` for the arguments.
        """
        return cls(
            open_encoder(
                path,
                variant=variant,
                engine=engine,
                threads=threads,
                untrusted=untrusted,
                bulk=True,
            )
        )

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
        show_progress: bool | Progress = False,
    ) -> NDArray[Any]:
        """Embed texts, each cut to the model's maximum length.

        A text's vector depends on nothing else that is embedded, bit for bit where the
        runtime's kernels take sums in one order (`edge_distil.batching`).

        Args:
            texts: A text, or texts; input order is kept.
            batch_size: At most so many texts a batch; by default as many as are fast.
            normalize_embeddings: Scale vectors to length 1 (the bundle may do so already).
            truncate_dim: Keep the first so many dimensions (Matryoshka models).
            precision: ``"float32"``, ``"int8"``, ``"uint8"``, ``"binary"`` or ``"ubinary"``; see
                `edge_distil.precision.quantize_embeddings`.
            prompt_name: Put the checkpoint's prompt of that name before each text.
            prompt: Put this before each text.
            show_progress: Keep a line on stderr up to date; or a function that is called with
                the number of texts done and, where it is known, of all.

        Returns:
            ``(n, dimension)``; ``(dimension,)`` for a single text.

        Raises:
            InputError: Something is not a text, a prompt or precision is unknown, or the precision
                is of 8 bits for a single text, which has no range to scale.
            OutputError: What the model gives is not of its task, or not finite for a text.
        """
        check_precision(precision)
        calls.whole_or_none(1, truncate_dim=truncate_dim, batch_size=batch_size)
        calls.flag(normalize_embeddings=normalize_embeddings)
        if not isinstance(texts, str):
            texts = calls.many(texts, "texts")
        if isinstance(texts, str):
            whole = self._one(texts, self._prompt(prompt_name, prompt))
            self.encoder.check.finite("the vector", whole)
            vector = _finish(whole, truncate_dim, normalize_embeddings)
            single: NDArray[Any] = quantize_embeddings(vector, precision)[0]
            return single
        with counting(show_progress, len(texts) if isinstance(texts, Sized) else None) as done:
            blocks = self.stream(
                texts,
                batch_size=batch_size,
                normalize_embeddings=normalize_embeddings,
                truncate_dim=truncate_dim,
                prompt_name=prompt_name,
                prompt=prompt,
                done=done,
            )
            dimension = self._vectors.dimension
            none = np.empty((0, min(dimension, truncate_dim or dimension)), np.float32)
            vectors = np.concatenate(list(blocks) or [none])
        return quantize_embeddings(vectors, precision)

    def encode_query(
        self, texts: str | Iterable[str], **options: Unpack[prompts.EncodeOptions]
    ) -> NDArray[Any]:
        """Embed queries: `encode` with the prompt named "query", unless one is given."""
        return self.encode(texts, **prompts.named("query", options))

    def encode_document(
        self, texts: str | Iterable[str], **options: Unpack[prompts.EncodeOptions]
    ) -> NDArray[Any]:
        """Embed what is searched: `encode` with the prompt named "document", unless one is given.

        A checkpoint has it, or it is empty: its default prompt plays no part, as in
        sentence-transformers.
        """
        return self.encode(texts, **prompts.named("document", options))

    def similarity(self, first: ArrayLike, second: ArrayLike) -> Floats:
        """Compare each embedding with each, by the checkpoint's own function.

        Args:
            first: ``(n, dimension)`` or ``(dimension,)``.
            second: ``(m, dimension)`` or ``(dimension,)``.

        Returns:
            ``(n, m)``: cosines or dot products, or distances times -1.

        Raises:
            InputError: They are no vectors of one length.
        """
        return similarity.all_pairs(first, second, self.similarity_fn_name)

    def similarity_pairwise(self, first: ArrayLike, second: ArrayLike) -> Floats:
        """Compare the embeddings at the same places, ``(n, dimension)`` each: ``(n,)``."""
        return similarity.pairwise(first, second, self.similarity_fn_name)

    @property
    def similarity_fn_name(self) -> str:
        """The checkpoint's function: ``"cosine"``, ``"dot"``, ``"euclidean"``, ``"manhattan"``."""
        settings = self.bundle.manifest.pooling
        return settings.similarity if settings else "cosine"

    def stream(
        self,
        texts: Iterable[str],
        *,
        window: int = WINDOW,
        batch_size: int | None = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        done: Callable[[int], None] | None = None,
        keep_non_finite: bool = False,
    ) -> Iterator[Floats]:
        """Embed a stream of any length in little memory; see `encode` for what is not here.

        Args:
            texts: The texts; they are read ahead by at most one window.
            window: Texts a block. Larger windows have fuller batches and take more memory.
            batch_size: At most so many texts a batch.
            normalize_embeddings: Scale vectors to length 1.
            truncate_dim: Keep the first so many dimensions.
            prompt_name: Put the checkpoint's prompt of that name before each text.
            prompt: Put this before each text.
            done: Called with the number of texts of each batch that has run.
            keep_non_finite: Give vectors with NaN or infinity as they are, for the caller to find;
                else they are an error. Those of other texts are not touched by them.

        Returns:
            ``(window, dimension)`` for each window of texts, in order; the last may be shorter.

        Raises:
            InputError: Something is not a text, the prompt is unknown, or a size is below 1.
            OutputError: What the model gives is not of its task, or not finite for a text.
        """
        calls.whole(1, window=window)
        calls.whole_or_none(1, truncate_dim=truncate_dim, batch_size=batch_size)
        calls.flag(normalize_embeddings=normalize_embeddings, keep_non_finite=keep_non_finite)
        if done is not None and not callable(done):
            raise InputTypeError(f"done is {calls.kind(done)}, expected a function of the number")
        texts = calls.many(texts, "texts")
        prefix = self._prompt(prompt_name, prompt)
        known = (text for text in texts if isinstance(text, str))
        long = isinstance(texts, Sequence) and is_long(sum(map(len, known)))
        blocks = self._blocks(texts, prefix, window, batch_size=batch_size, done=done, long=long)
        if not keep_non_finite:
            blocks = self._finite(blocks)
        return (_finish(vectors, truncate_dim, normalize_embeddings) for vectors in blocks)

    def hidden_states(self, texts: Iterable[str]) -> list[Floats]:
        """Return each text's token vectors ``(tokens, hidden)``, special tokens included.

        Raises:
            InputError: Something is not a text.
            TaskError: The bundle gives the first token's alone, being for CLS pooling.
        """
        encodings = self.encoder.tokenizer.encode(calls.texts(texts))
        name = self._vectors.hidden_name
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

    def _blocks(
        self, texts: Iterable[Any], prefix: str, window: int, **options: Any
    ) -> Iterator[Floats]:
        """Yield the vectors of each window of texts; see `streaming.stream` for the options."""
        checked = (prefix + calls.text(text, f"text {n}") for n, text in enumerate(texts))
        found = tokenized(self.encoder.tokenizer, checked, repeat(window))
        rows = ((number, self._row(encoding)) for number, encoding in found)
        work: Work[int, Row, Floats] = partial(self._work, left_out=self._left_out(prefix))
        with closing(stream(self.encoder, rows, work, blocks=repeat(window), **options)) as vectors:
            while block := [vector for _, vector in islice(vectors, window)]:
                yield np.stack(block)

    def _work(
        self, encoder: Encoder, rows: Sequence[tuple[int, Row]], left_out: int
    ) -> list[Floats]:
        return list(self._vectors(encoder, [row for _, row in rows], left_out))

    def _finite(self, blocks: Iterable[Floats]) -> Iterator[Floats]:
        """Pass vectors ``(n, dimension)`` on; the first text without a finite one is named."""
        first = 0
        for vectors in blocks:
            for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1))[:1]:
                self.encoder.check.finite(f"the vector of text {first + row}", vectors[row])
            first += len(vectors)
            yield vectors

    def _one(self, text: str, prefix: str) -> Floats:
        """Run one text by the shortest way, to the numbers that a stream gives: ``(1, dim)``."""
        encoding = self.encoder.tokenizer.encode_one(prefix + text)
        row = self._row(encoding) if len(encoding) > _COUNTED else encoding
        return self._vectors(self.encoder, [row], self._left_out(prefix))

    def _row(self, encoding: Encoding) -> Row:
        """Keep a text's tokens; of many whose order changes nothing, how many there are of each."""
        row = Row.of(encoding)
        counted = self.bundle.manifest.static and len(row) > _COUNTED
        return Bag.counted(row) if counted else row

    def _left_out(self, prefix: str) -> int:
        """Return how many tokens are the prompt's, where the pooling leaves them out."""
        settings = self.bundle.manifest.pooling
        if not prefix or settings is None or settings.include_prompt:
            return 0
        return self.encoder.tokenizer.prompt_length(prefix)

    @cached_property
    def _vectors(self) -> Vectors:
        return Vectors(self.encoder)

    def _prompt(self, name: str | None, prompt: str | None) -> str:
        return prompts.find(self.bundle.manifest.pooling, name, prompt)


def _finish(vectors: Floats, truncate_dim: int | None, normalize: bool) -> Floats:
    """Cut and scale vectors ``(n, dimension)``, in sentence-transformers' order."""
    kept = vectors[:, :truncate_dim]
    return pooling.normalize(kept) if normalize else kept
