"""Late interaction: a vector for each token, of which a query's find their best among a document's.

Source: ``MultiVectorEncoder`` of sentence-transformers 6.2, its ``Transformer.preprocess`` (lengths
and query expansion) and ``MultiVectorMask`` (which tokens keep their vectors); Khattab and Zaharia,
"ColBERT" (2020), for MaxSim.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import ClassVar, TypedDict, Unpack, overload

import numpy as np

from edge_distil import calls, similarity
from edge_distil._reading.manifest_late import LateSettings
from edge_distil._tokenizing.reading import naming
from edge_distil._tokenizing.rows import Row
from edge_distil._tokenizing.sides import side_rows
from edge_distil.encoder import Encoder
from edge_distil.errors import TaskError
from edge_distil.outputs import TOKENS
from edge_distil.pooling import Floats
from edge_distil.progress import Progress, counting
from edge_distil.streaming import reading, sizes, stream
from edge_distil.tasks import logits
from edge_distil.tasks.base import Task, only
from edge_distil.tasks.reranking import Ranked, best


class LateOptions(TypedDict, total=False):
    """Parameters of `LateInteraction.encode_query` and `LateInteraction.encode_document`."""

    batch_size: int | None
    show_progress: bool | Progress


class LateInteraction(Task):
    """Embeds queries and documents, a vector a token, and compares them by MaxSim.

    >>> import edge_distil as ed
    >>> colbert = ed.load("colbert/")  # doctest: +SKIP
    >>> documents = colbert.encode_document(["Ada keeps the light."])  # doctest: +SKIP
    >>> queries = colbert.encode_query(["Who keeps it?"])  # doctest: +SKIP
    >>> colbert.similarity(queries, documents)  # doctest: +SKIP
    array([[28.9]], dtype=float32)
    """

    names: ClassVar[tuple[str, ...]] = ("late-interaction",)

    def __init__(self, encoder: Encoder) -> None:
        """Serve `encoder`.

        Raises:
            TaskError: Its bundle is for another task.
        """
        super().__init__(encoder)
        settings = self.bundle.manifest.late_interaction
        if settings is None:
            raise TaskError(
                f"{self.bundle.path} does not say how queries and documents are read, expected "
                "late_interaction in its manifest: export the checkpoint again"
            )
        self._settings = settings

    @property
    def settings(self) -> LateSettings:
        """How queries and documents are read: prompts, lengths, expansion, tokens left out."""
        return self._settings

    @overload  # a text is an iterable of texts, but one text here
    def encode_query(  # type: ignore[overload-overlap]
        self, texts: str, **options: Unpack[LateOptions]
    ) -> Floats: ...
    @overload
    def encode_query(
        self, texts: Iterable[str], **options: Unpack[LateOptions]
    ) -> list[Floats]: ...
    def encode_query(
        self, texts: str | Iterable[str], **options: Unpack[LateOptions]
    ) -> Floats | list[Floats]:
        """Embed queries: behind the checkpoint's prompt, filled up where it expands them.

        A text's vectors depend on nothing else that is embedded (`edge_distil.batching`).

        Args:
            texts: A query, or queries, each cut to the length that the checkpoint says.
            options: ``batch_size``: at most so many texts a batch; by default as many as are fast.
                ``show_progress``: keep a line on stderr up to date; or a function that is called
                with the number of texts done and, where it is known, of all.

        Returns:
            ``(tokens, dimension)`` for each query, in order; for a single text its array.

        Raises:
            InputError: Something is not a text.
            OutputError: What the model gives is not of its task, or not finite for a text.
        """
        return self._encode(texts, True, **options)

    @overload
    def encode_document(  # type: ignore[overload-overlap]
        self, texts: str, **options: Unpack[LateOptions]
    ) -> Floats: ...
    @overload
    def encode_document(
        self, texts: Iterable[str], **options: Unpack[LateOptions]
    ) -> list[Floats]: ...
    def encode_document(
        self, texts: str | Iterable[str], **options: Unpack[LateOptions]
    ) -> Floats | list[Floats]:
        """Embed what is searched, without the tokens that the checkpoint skips; see `encode_query`.

        Where all tokens of a text are skipped, its array has no rows.
        """
        return self._encode(texts, False, **options)

    def stream(
        self, texts: Iterable[str], *, query: bool = False, batch_size: int | None = None
    ) -> Iterator[Floats]:
        """Embed a stream of documents of any length, or of queries, in order; see `encode_query`.

        The texts are read ahead by at most 1,024, at first by 8.
        """
        calls.flag(query=query)
        checked = _checked(calls.many(texts, "texts"), "text {}".format)
        return self._stream(checked, query, batch_size)

    def similarity(
        self, queries: Floats | Sequence[Floats], documents: Floats | Sequence[Floats]
    ) -> Floats:
        """Compare each query with each document, by the checkpoint's own function.

        Args:
            queries: What `encode_query` gives.
            documents: What `encode_document` gives.

        Returns:
            ``(queries, documents)``: MaxSim or its mean over the query's vectors. A document
            without vectors has -1e9, below all others.

        Raises:
            InputError: They are no vectors of one length.
        """
        return similarity.late(queries, documents, self.similarity_fn_name)

    @property
    def similarity_fn_name(self) -> str:
        """The checkpoint's function: ``"maxsim"`` or ``"meanmaxsim"``."""
        return self._settings.similarity

    def rank(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_k: int | None = None,
        batch_size: int | None = None,
    ) -> list[Ranked]:
        """Order documents by how well they match a query.

        Args:
            query: The query.
            documents: The documents' texts. Of a stream of any length no more than the best `top_k`
                and two blocks of 1,024 are kept.
            top_k: Return the best so many, all when ``None``.
            batch_size: At most so many documents a batch; by default as many as are fast.

        Returns:
            The documents, the best first; of equal scores the earlier.

        Raises:
            InputError: Something is not a text, or `top_k` is below 1.
            OutputError: What the model gives is not of its task, or not finite for a text.
        """
        calls.whole_or_none(1, top_k=top_k)
        calls.text(query, "query")
        documents = calls.many(documents, "documents")
        with naming("query: "):
            asked = self.encode_query(query)
        kept: deque[str] = deque()  # read, and not scored yet

        def texts() -> Iterator[str]:
            for text in _checked(documents, "document {}".format):
                kept.append(text)
                yield text

        found = self._stream(
            texts(),
            False,
            batch_size,
            known=isinstance(documents, list),
            long=logits.long_work(documents),
            item="document {}: ".format,
        )
        scores = (float(self.similarity(asked, vectors)[0, 0]) for vectors in found)
        return best(scores, kept, top_k)

    def _encode(
        self, texts: str | Iterable[str], query: bool, **options: Unpack[LateOptions]
    ) -> Floats | list[Floats]:
        name = "encode_query" if query else "encode_document"
        advice = "prompts and lengths are the checkpoint's"
        calls.known(name, options, LateOptions.__annotations__, advice)
        batch_size = options.get("batch_size")
        if isinstance(texts, str):
            one = self._stream([texts], query, batch_size, known=True, item=lambda _: "")
            return only(one)
        given = calls.many(texts, "texts")
        shown = options.get("show_progress", False)
        with counting(shown, len(given) if isinstance(given, Sized) else None) as done:
            found = self._stream(
                _checked(given, "text {}".format),
                query,
                batch_size,
                known=True,
                long=logits.long_work(given),
                done=done,
            )
            return list(found)

    def _stream(
        self,
        texts: Iterable[str],
        query: bool,
        batch_size: int | None,
        *,
        known: bool = False,
        long: bool = False,
        item: Callable[[int], str] = "text {}: ".format,
        done: Callable[[int], None] | None = None,
    ) -> Iterator[Floats]:
        """Embed texts that are checked; see `streaming.stream` for the options."""
        calls.whole_or_none(1, batch_size=batch_size)
        side = self._settings.query if query else self._settings.document
        skip = np.array(side.skip, np.int32)

        def kept(_: int, row: Row, found: dict[str, Floats]) -> Floats:
            vectors: Floats = found[TOKENS][~np.isin(row.ids, skip)]
            return self.encoder.check.finite("the vectors", vectors)

        said = stream(
            self.encoder,
            side_rows(
                self.encoder.tokenizer,
                self._settings,
                texts,
                sizes(known=known),
                query=query,
                item=item,
            ),
            reading((TOKENS,), kept, item),
            blocks=sizes(known=known),
            batch_size=batch_size,
            long=long,
            done=done,
        )
        return (vectors for _, vectors in said)


def _checked(texts: Iterable[str], name: Callable[[int], str]) -> Iterator[str]:
    return (calls.text(text, name(number)) for number, text in enumerate(texts))
