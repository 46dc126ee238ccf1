"""A long document to ask questions of: of its windows, those worth reading beside a question.

An embedding model reads the document once, passage by passage. For each question, the windows that
hold the passages most like it are read by the model that answers, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_distil import calls
from edge_distil._tokenizing import passages
from edge_distil._tokenizing.reading import naming
from edge_distil._tokenizing.stretches import Tokens
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._tokenizing.windows import Window, span, tokens_of
from edge_distil.errors import InputTypeError
from edge_distil.pooling import Floats
from edge_distil.progress import Progress
from edge_distil.tasks import prompts
from edge_distil.tasks.answers import CONTEXT, Settings, windows_of
from edge_distil.tasks.embedding import Embedding


class Document(str):
    """A long text to ask questions of, with its passages embedded.

    It is a str, and a context like any other. With ``preselect=8``, a question answering task reads
    the 8 windows that are most similar to the question instead of all.

    >>> import edge_distil as ed
    >>> minilm = ed.Embedding.load_for_bulk("minilm/")  # doctest: +SKIP
    >>> document = ed.Document(text, minilm)  # doctest: +SKIP
    >>> qa("Who keeps the light?", document, preselect=8)  # doctest: +SKIP
    Answer(text='Ada', score=0.97, start=412077, end=412080)

    A passage is at most 128 tokens, or what the embedding model reads, of whole sentences where
    these fit: no model cuts it. A window is as similar to a question as the best of its passages,
    which are those whose middle it holds.

    Args:
        text: The text, of any length.
        embedding: Embeds its passages, and each question; with the checkpoint's own prompts for
            what is found (``document``, ``passage`` or ``corpus``) and asked (``query``).
        show_progress: Keep a line on stderr up to date; or a function that is called with the
            number of passages done and of all.

    Attributes:
        embedding: The embedding task.
        passages: Where the passages stand ``(passages, 2)``: of each the first character and the
            one behind its last.
        vectors: Their embeddings ``(passages, dimension)``.

    Raises:
        InputError: The text is no text, or `embedding` no embedding task.
        OutputError: The model gives no finite vectors.
    """

    embedding: Embedding
    passages: NDArray[np.int64]
    vectors: Floats
    _known: WeakKeyDictionary[Tokenizer, Tokens]

    def __new__(
        cls, text: str, embedding: Embedding, *, show_progress: bool | Progress = False
    ) -> Document:
        """Embed the passages of a text."""
        if not isinstance(embedding, Embedding):
            raise InputTypeError(
                f"embedding is {calls.kind(embedding)}, expected an embedding task: open one with "
                "edge_distil.Embedding.load"
            )
        document = super().__new__(cls, calls.text(text, "text"))
        settings = embedding.bundle.manifest.pooling
        name = prompts.saved(settings, prompts.PASSAGE)
        with naming("the document: "):
            document.passages = passages.passages(
                embedding.encoder.tokenizer, text, prompts.find(settings, name, None)
            )
        document.embedding = embedding
        document.vectors = embedding.encode(
            [text[start:end] for start, end in document.passages.tolist()],
            prompt_name=name,
            show_progress=show_progress,
        )
        document._known = WeakKeyDictionary()
        return document

    def similarities(self, question: str) -> Floats:
        """Return how similar each passage is to a question ``(passages,)``."""
        name = prompts.saved(self.embedding.bundle.manifest.pooling, prompts.QUERY)
        vector = self.embedding.encode(question, prompt_name=name)
        [similar] = self.embedding.similarity(vector, self.vectors)
        return np.asarray(similar)

    def _tokens(self, tokenizer: Tokenizer) -> Tokens:
        """Return its tokens, which are kept for the next question: 32 bytes each."""
        if tokenizer not in self._known:
            self._known[tokenizer] = tokens_of(tokenizer, self)
        return self._known[tokenizer]


def windows_to_read(
    tokenizer: Tokenizer, question: str, context: str, settings: Settings
) -> Iterator[Window]:
    """Cut a context into windows; yield all of them or, preselected, some, in their order.

    Raises:
        InputTypeError: Some are to be preselected of a context that is no `Document`.
    """
    document = context if isinstance(context, Document) else None
    known = document._tokens(tokenizer) if document and not tokenizer.cuts_left else None
    windows = windows_of(tokenizer, question, context, settings, known)
    if settings.preselect is None:
        return windows
    if document is None:
        raise InputTypeError(
            f"preselect is {settings.preselect}, but the context is a plain str, expected a "
            "Document: give edge_distil.Document(context, embedding)"
        )
    return _preselected(document, question, list(windows), settings.preselect)


def _preselected(
    document: Document, question: str, windows: list[Window], most: int
) -> Iterator[Window]:
    if len(windows) <= most:
        return iter(windows)
    places = [span(window, CONTEXT) for window in windows]
    chosen = most_similar(places, document.passages, document.similarities(question), most)
    return (windows[number] for number in chosen)


def most_similar(
    windows: ArrayLike, passages: ArrayLike, similarities: ArrayLike, most: int
) -> list[int]:
    """Choose the windows whose passages are most similar to a question.

    A passage counts for the windows that hold its middle. A window that holds none, being smaller
    than passages are, is as similar as the passage nearest to its own middle.

    >>> windows = [[0, 60], [40, 100], [80, 140]]
    >>> most_similar(windows, [[0, 30], [30, 60], [60, 90], [90, 140]], [0.1, 0.2, 0.9, 0.3], 2)
    [1, 2]

    Args:
        windows: Where they stand ``(windows, 2)``.
        passages: Where they stand ``(passages, 2)``, in order.
        similarities: Of each passage ``(passages,)``.
        most: How many windows to choose.

    Returns:
        Their numbers in ascending order; of equally similar windows the earlier are taken.
    """
    own, middles = (np.asarray(places, float).mean(axis=1) for places in (windows, passages))
    starts, ends = np.asarray(windows, float).T
    similar = np.asarray(similarities)
    nearest = np.searchsorted((middles[1:] + middles[:-1]) / 2, own)
    first = np.searchsorted(middles, starts, "left")
    behind = np.searchsorted(middles, ends, "right")
    scores = [
        similar[start:end].max() if start < end else similar[other]
        for start, end, other in zip(first, behind, nearest, strict=True)
    ]
    return sorted(np.argsort(-np.array(scores), kind="stable")[:most].tolist())
