"""Reranking: passages in the order in which a cross-encoder finds them relevant to a query.

Source: ``CrossEncoder.rank`` and ``CrossEncoder.predict`` of sentence-transformers 6.2: a pair
that is too long loses of its longer text first, and a logit becomes a score by the checkpoint's own
function or, where it names none, by the logistic one.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil import calls
from edge_distil._tokenizing.reading import naming
from edge_distil.encoder import Encoder
from edge_distil.errors import TaskError
from edge_distil.manifest import FUNCTIONS
from edge_distil.pooling import Floats
from edge_distil.tasks import logits
from edge_distil.tasks.base import Task

_KEYS = ("query", "passage")


class Ranked(NamedTuple):
    """A passage: its place among those given, how relevant it is, and its text."""

    index: int  # type: ignore[assignment]  # in place of the tuple's own method
    score: float
    text: str


class Reranker(Task):
    """Says how relevant passages are to a query: a cross-encoder of one score a pair.

    >>> import edge_distil as ed
    >>> reranker = ed.load("cross-encoder/", task="reranking")  # doctest: +SKIP
    >>> reranker("Who keeps the light?", ["The sea is cold.", "Ada keeps it."])  # doctest: +SKIP
    [Ranked(index=1, score=0.98, text='Ada keeps it.'), Ranked(index=0, score=0.01, text='...')]
    """

    names: ClassVar[tuple[str, ...]] = ("text-classification",)

    def __init__(self, encoder: Encoder) -> None:
        """Serve `encoder`.

        Raises:
            TaskError: Its bundle is for another task, or gives a pair several scores.
        """
        super().__init__(encoder)
        self._require_one(len(self.bundle.manifest.labels) or 1)

    def __call__(
        self,
        query: str,
        passages: Iterable[str],
        *,
        top_k: int | None = None,
        batch_size: int | None = None,
        function_to_apply: str | None = None,
    ) -> list[Ranked]:
        """Order passages by how relevant they are to a query.

        Args:
            query: The query.
            passages: The passages. Of a stream of any length no more than the best `top_k` and two
                blocks of 1,024 are kept.
            top_k: Return the best so many, all when ``None``.
            batch_size: At most so many pairs a batch; by default as many as are fast.
            function_to_apply: ``"sigmoid"``, ``"softmax"`` or ``"none"``, what makes a score of a
                logit; by default what the checkpoint says.

        Returns:
            The passages, the most relevant first; of equal scores the earlier.

        Raises:
            InputError: Something is not a text, `top_k` is below 1, or the function is unknown.
            OutputError: What the model gives is not a finite score.
        """
        calls.whole_or_none(1, top_k=top_k)
        calls.text(query, "query")
        passages = calls.many(passages, "passages")
        with naming("query: "):
            self.encoder.tokenizer.encode([query])
        kept: deque[str] = deque()  # read, and not scored yet

        def pairs() -> Iterator[tuple[str, str]]:
            for index, passage in enumerate(passages):
                kept.append(calls.text(passage, f"passage {index}"))
                yield query, passage

        found = self._stream(
            pairs(),
            batch_size,
            function_to_apply,
            known=isinstance(passages, list),
            long=logits.long_work(passages),
            item="passage {}: ".format,
        )
        return best(found, kept, top_k)

    def score(
        self,
        pairs: Iterable[tuple[str, str] | Mapping[str, str]],
        *,
        batch_size: int | None = None,
        function_to_apply: str | None = None,
    ) -> NDArray[np.float32]:
        """Score pairs of a query and a passage.

        Args:
            pairs: Each a tuple, or a dict with the keys "query" and "passage".
            batch_size: See a call.
            function_to_apply: See a call.

        Returns:
            ``(n,)``, in the order of the pairs.

        Raises:
            InputError: Something is not a pair of texts, or the function is unknown.
            OutputError: What the model gives is not a finite score.
        """
        rows = list(_checked(calls.many(pairs, "pairs")))
        long = logits.long_work(rows)
        found = self._stream(rows, batch_size, function_to_apply, known=True, long=long)
        return np.fromiter(found, np.float32, len(rows))

    def stream(
        self,
        pairs: Iterable[tuple[str, str] | Mapping[str, str]],
        *,
        batch_size: int | None = None,
        function_to_apply: str | None = None,
    ) -> Iterator[float]:
        """Score a stream of pairs of any length, in order; see `score`.

        The pairs are read ahead by at most 1,024, at first by 8.
        """
        rows = _checked(calls.many(pairs, "pairs"))
        return self._stream(rows, batch_size, function_to_apply)

    def _stream(
        self,
        pairs: Iterable[tuple[str, str]],
        batch_size: int | None,
        function: str | None,
        *,
        known: bool = False,
        long: bool = False,
        item: Callable[[int], str] = "pair {}: ".format,
    ) -> Iterator[float]:
        calls.whole_or_none(1, batch_size=batch_size)
        if function is not None:
            calls.choice("function_to_apply", function, FUNCTIONS)
        function = function or self.bundle.manifest.function_to_apply or "sigmoid"

        def say(found: Floats) -> float:
            self._require_one(len(found))
            return float(logits.scores(found, function)[0])

        return logits.read(
            self.encoder,
            pairs,
            say,
            known=known,
            item=item,
            batch_size=batch_size,
            long=long,
        )

    def _require_one(self, scores: int) -> None:
        if scores != 1:
            raise TaskError(
                f"{self.bundle.path} gives a pair {scores} scores, expected one: load it with "
                'task="text-classification" for its labels, or export a cross-encoder for reranking'
            )


def best(scores: Iterable[float], kept: deque[str], top_k: int | None) -> list[Ranked]:
    """Return passages in the order of their scores, of equal ones the earlier first.

    Args:
        scores: Read one by one.
        kept: The texts of those that were read and not scored yet; they are taken from it.
        top_k: Keep the best so many, all when ``None``.
    """
    ranked = (Ranked(index, score, kept.popleft()) for index, score in enumerate(scores))
    if top_k is None:
        return sorted(ranked, key=_score, reverse=True)
    return heapq.nlargest(top_k, ranked, key=_score)


def _checked(pairs: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for number, pair in enumerate(pairs):
        yield calls.pair(pair, _KEYS, f"pair {number}: ")


def _score(passage: Ranked) -> float:
    return passage.score
