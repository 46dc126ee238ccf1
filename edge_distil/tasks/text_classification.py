"""Text classification: one label, several, or a score.

Source of the choice between softmax, sigmoid and none: ``TextClassificationPipeline`` of
transformers, and for cross-encoders ``CrossEncoder`` of sentence-transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

from edge_distil import calls
from edge_distil._reading.labels import fit_labels
from edge_distil.manifest import FUNCTIONS
from edge_distil.pooling import Floats
from edge_distil.tasks import logits
from edge_distil.tasks.base import Task, only

# A text, or a pair of them as a tuple or with the pipeline's keys: {"text": ..., "text_pair": ...}.
TextOrPair = str | tuple[str, str] | Mapping[str, str]
_KEYS = ("text", "text_pair")


class Label(NamedTuple):
    """A class and its probability (its raw value for a regression)."""

    label: str
    score: float


class TextClassification(Task):
    """Labels texts, or pairs of texts."""

    names: ClassVar[tuple[str, ...]] = ("text-classification",)

    def __call__(
        self,
        text: TextOrPair,
        text_pair: str | None = None,
        *,
        top_k: int | None = 1,
        function_to_apply: str | None = None,
    ) -> list[Label]:
        """Label one text, or one pair; for the options see `batch`."""
        given = text if text_pair is None else calls.pair((text, text_pair), _KEYS)
        rows = [_one(given, "text", "the pair ")]
        return only(
            self._stream(rows, top_k, None, function_to_apply, known=True, item=lambda _: "")
        )

    def batch(
        self,
        texts: Iterable[TextOrPair],
        *,
        top_k: int | None = 1,
        batch_size: int | None = None,
        function_to_apply: str | None = None,
    ) -> list[list[Label]]:
        """Label texts.

        Args:
            texts: The texts, or pairs (premise and hypothesis), cut to the model's maximum. A pair
                is a tuple, or a dict with the keys "text" and "text_pair".
            top_k: Return the best so many labels of each, all when ``None``.
            batch_size: At most so many texts a batch; by default as many as are fast.
            function_to_apply: ``"sigmoid"``, ``"softmax"`` or ``"none"``, what makes scores of
                logits; by default what the checkpoint says.

        Returns:
            For each text its labels, the most probable first.

        Raises:
            InputError: Something is not a text, `top_k` is below 1, or the function is unknown.
        """
        rows = list(_checked(calls.many(texts, "texts")))
        return list(self._stream(rows, top_k, batch_size, function_to_apply, known=True))

    def stream(
        self,
        texts: Iterable[TextOrPair],
        *,
        top_k: int | None = 1,
        batch_size: int | None = None,
        function_to_apply: str | None = None,
    ) -> Iterator[list[Label]]:
        """Label a stream of texts or pairs of any length, in order; see `batch`.

        The texts are read ahead by at most 1,024, at first by 8.
        """
        rows = _checked(calls.many(texts, "texts"))
        return self._stream(rows, top_k, batch_size, function_to_apply)

    def _stream(
        self,
        texts: Iterable[str | tuple[str, str]],
        top_k: int | None,
        batch_size: int | None,
        function: str | None,
        *,
        known: bool = False,
        item: Callable[[int], str] | None = None,
    ) -> Iterator[list[Label]]:
        calls.whole_or_none(1, top_k=top_k, batch_size=batch_size)
        if function is not None:
            calls.choice("function_to_apply", function, FUNCTIONS)
        function = function or self.bundle.manifest.function_to_apply

        def label(found: Floats) -> list[Label]:
            return self._ranked(logits.scores(found, function or self._usual(found)))[:top_k]

        return logits.read(
            self.encoder,
            texts,
            label,
            known=known,
            item=item,
            batch_size=batch_size,
            long=logits.long_work(texts),
        )

    def _usual(self, found: Floats) -> str:
        problem = self.bundle.manifest.problem_type
        if problem == "regression":
            return "none"
        several = problem == "multi_label_classification"
        return "sigmoid" if several or found.shape[-1] == 1 else "softmax"

    def _ranked(self, scores: Floats) -> list[Label]:
        names = fit_labels(self.bundle.manifest.labels, len(scores))
        labels = [Label(name, float(s)) for name, s in zip(names, scores, strict=True)]
        return sorted(labels, key=lambda label: -label.score)


def _one(value: TextOrPair, name: str, where: str) -> str | tuple[str, str]:
    """Check one text or one pair."""
    if isinstance(value, Mapping) and set(value) == {"text"}:
        value = value["text"]
    if isinstance(value, tuple | Mapping):
        return calls.pair(value, _KEYS, where)
    return calls.text(value, name)


def _checked(texts: Iterable[TextOrPair]) -> Iterator[str | tuple[str, str]]:
    for index, row in enumerate(texts):
        yield _one(row, f"text {index}", f"pair {index}: ")
