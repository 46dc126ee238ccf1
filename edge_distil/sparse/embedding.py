"""Sparse embeddings: texts to weights of the vocabulary's tokens (SPLADE).

Source: ``SparseEncoder.encode``, ``encode_query``, ``encode_document`` and ``decode`` of
sentence-transformers 6.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import ClassVar, NamedTuple, TypedDict, Unpack, overload

import numpy as np

from edge_distil import calls, sparse
from edge_distil._reading.manifest_pooling import Pooling
from edge_distil._tokenizing.reading import tokenized
from edge_distil._tokenizing.rows import Row
from edge_distil.errors import OutputError
from edge_distil.outputs import SPARSE
from edge_distil.pooling import Floats
from edge_distil.progress import Progress, counting
from edge_distil.sparse import SparseVector, SparseVectors
from edge_distil.streaming import Done, reading, sizes, stream
from edge_distil.tasks import logits, prompts
from edge_distil.tasks.base import Task, only


class WeightedToken(NamedTuple):
    """A token of the vocabulary, as it stands there, and its weight in an embedding."""

    token: str
    weight: float


class EncodeOptions(TypedDict, total=False):
    """Parameters of `SparseEmbedding.encode`."""

    batch_size: int | None
    max_active_dims: int | None
    prompt_name: str | None
    prompt: str | None
    show_progress: bool | Progress


class SparseEmbedding(Task):
    """Embeds texts as weights of tokens, most of which are 0.

    >>> import edge_distil as ed
    >>> splade = ed.load("splade/")  # doctest: +SKIP
    >>> vector = splade.encode("Who keeps the light?")  # doctest: +SKIP
    >>> splade.decode(vector, top_k=2)  # doctest: +SKIP
    [WeightedToken(token='lighthouse', weight=1.93), WeightedToken(token='keeper', weight=1.71)]
    """

    names: ClassVar[tuple[str, ...]] = ("sparse-embedding",)

    @overload
    def encode(  # type: ignore[overload-overlap]  # a text is an iterable of texts
        self, texts: str, **options: Unpack[EncodeOptions]
    ) -> SparseVector: ...
    @overload
    def encode(self, texts: Iterable[str], **options: Unpack[EncodeOptions]) -> SparseVectors: ...
    def encode(
        self,
        texts: str | Iterable[str],
        *,
        batch_size: int | None = None,
        max_active_dims: int | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        show_progress: bool | Progress = False,
    ) -> SparseVector | SparseVectors:
        """Embed texts, each cut to the model's maximum length.

        A text's vector depends on nothing else that is embedded; see `Embedding.encode`.

        Args:
            texts: A text, or texts; input order is kept.
            batch_size: At most so many texts a batch; by default as many as are fast.
            max_active_dims: Keep so many numbers of each vector, the greatest; by default as many
                as the checkpoint says, or all.
            prompt_name: Put the checkpoint's prompt of that name before each text.
            prompt: Put this before each text.
            show_progress: Keep a line on stderr up to date; or a function that is called with
                the number of texts done and, where it is known, of all.

        Returns:
            A vector for a single text, else a matrix of one row a text.

        Raises:
            InputError: Something is not a text, a prompt is unknown, or a number is below 1.
            OutputError: What the model gives is not of its task, or not finite for a text.
        """
        options = (batch_size, max_active_dims, prompt_name, prompt)
        if isinstance(texts, str):
            return only(self._stream([texts], *options, single=True))
        texts = calls.many(texts, "texts")
        with counting(show_progress, len(texts) if isinstance(texts, Sized) else None) as done:
            vectors = self._stream(texts, *options, known=True, done=done)
            return SparseVectors.of(vectors, self.dimension)

    @overload
    def encode_query(  # type: ignore[overload-overlap]
        self, texts: str, **options: Unpack[EncodeOptions]
    ) -> SparseVector: ...
    @overload
    def encode_query(
        self, texts: Iterable[str], **options: Unpack[EncodeOptions]
    ) -> SparseVectors: ...
    def encode_query(
        self, texts: str | Iterable[str], **options: Unpack[EncodeOptions]
    ) -> SparseVector | SparseVectors:
        """Embed queries: `encode` with the prompt named "query", unless one is given."""
        return self.encode(texts, **prompts.named("query", options))

    @overload
    def encode_document(  # type: ignore[overload-overlap]
        self, texts: str, **options: Unpack[EncodeOptions]
    ) -> SparseVector: ...
    @overload
    def encode_document(
        self, texts: Iterable[str], **options: Unpack[EncodeOptions]
    ) -> SparseVectors: ...
    def encode_document(
        self, texts: str | Iterable[str], **options: Unpack[EncodeOptions]
    ) -> SparseVector | SparseVectors:
        """Embed what is searched: `encode` with the prompt named "document", unless one is given.

        A checkpoint has it, or it is empty: no other prompt plays a part, as in
        sentence-transformers.
        """
        return self.encode(texts, **prompts.named("document", options))

    def stream(
        self,
        texts: Iterable[str],
        *,
        batch_size: int | None = None,
        max_active_dims: int | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
    ) -> Iterator[SparseVector]:
        """Embed a stream of texts of any length, in order; see `encode`.

        The texts are read ahead by at most 1,024, at first by 8.
        """
        texts = calls.many(texts, "texts")
        return self._stream(texts, batch_size, max_active_dims, prompt_name, prompt)

    def similarity(
        self,
        first: SparseVector | Iterable[SparseVector],
        second: SparseVector | Iterable[SparseVector],
    ) -> Floats:
        """Compare each embedding with each, by the checkpoint's own function: ``(n, m)``.

        Raises:
            InputError: They are no embeddings of this model.
        """
        return sparse.all_pairs(self._many(first), self._many(second), self.similarity_fn_name)

    def similarity_pairwise(
        self,
        first: SparseVector | Iterable[SparseVector],
        second: SparseVector | Iterable[SparseVector],
    ) -> Floats:
        """Compare the embeddings at the same places, n of each: ``(n,)``."""
        return sparse.pairwise(self._many(first), self._many(second), self.similarity_fn_name)

    def decode(self, vector: SparseVector, top_k: int | None = None) -> list[WeightedToken]:
        """Return the tokens of an embedding, those of the greatest weight first.

        Args:
            vector: Of one text.
            top_k: Return at most so many; all when ``None``.

        Raises:
            InputError: It is no embedding of this model, or `top_k` is below 1.
        """
        calls.whole_or_none(1, top_k=top_k)
        [row] = self._many([vector])
        order = np.argsort(-row.values, kind="stable")[:top_k]
        pairs = zip(row.indices[order].tolist(), row.values[order].tolist(), strict=True)
        return [WeightedToken(self.encoder.tokenizer.token(i), weight) for i, weight in pairs]

    @property
    def dimension(self) -> int:
        """Size of the vocabulary: numbers in a vector, most of which are 0."""
        return self._settings.dimension

    @property
    def similarity_fn_name(self) -> str:
        """The checkpoint's function: ``"dot"``, ``"cosine"``, ``"euclidean"``, ``"manhattan"``."""
        return self._settings.similarity

    @property
    def _settings(self) -> Pooling:
        settings = self.bundle.manifest.pooling
        assert settings is not None  # the manifest's reader saw to it
        return settings

    def _many(self, vectors: SparseVector | Iterable[SparseVector]) -> SparseVectors:
        if isinstance(vectors, SparseVectors) and vectors.dimension == self.dimension:
            return vectors
        rows = [vectors] if isinstance(vectors, SparseVector) else calls.many(vectors, "embeddings")
        return SparseVectors.of(rows, self.dimension)

    def _stream(
        self,
        texts: Iterable[str],
        batch_size: int | None,
        max_active_dims: int | None,
        prompt_name: str | None,
        prompt: str | None,
        *,
        known: bool = False,
        single: bool = False,
        done: Done | None = None,
    ) -> Iterator[SparseVector]:
        calls.whole_or_none(1, batch_size=batch_size, max_active_dims=max_active_dims)
        prefix = prompts.find(self._settings, prompt_name, prompt)
        most = max_active_dims or self._settings.max_active_dims
        known = known or single

        def say(_: int, __: Row, found: dict[str, Floats]) -> SparseVector:
            weights = self.encoder.check.finite(SPARSE, found[SPARSE])
            self._check_sign(weights)
            return SparseVector.of(weights, most)

        checked = (prefix + calls.text(text, f"text {n}") for n, text in enumerate(texts))
        encodings = tokenized(self.encoder.tokenizer, checked, sizes(known=known))
        said = stream(
            self.encoder,
            ((number, Row.of(encoding)) for number, encoding in encodings),
            reading((SPARSE,), say, lambda number: "" if single else f"text {number}: "),
            blocks=sizes(known=known),
            batch_size=batch_size,
            long=known and logits.long_work(texts),
            done=done,
        )
        return (vector for _, vector in said)

    def _check_sign(self, weights: Floats) -> None:
        """See that no weight is negative: pooling ends in a logarithm of at least 1."""
        if (weights < 0).any():
            raise OutputError(
                f"{self.encoder.check} gives {SPARSE} with {int((weights < 0).sum()):,} of "
                f"{weights.size:,} weights below 0, expected none: the model is damaged or another "
                "task's; export the checkpoint again, or use another variant"
            )
