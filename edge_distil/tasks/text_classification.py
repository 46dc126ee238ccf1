"""Text classification: one label, several, or a score.

Source of the choice between softmax, sigmoid and none: ``TextClassificationPipeline`` of
transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from edge_distil.errors import InputError
from edge_distil.labels import fit_labels
from edge_distil.pooling import Floats, sigmoid, softmax
from edge_distil.tasks.base import Task


class Label(NamedTuple):
    """A class and its probability (its raw value for a regression)."""

    label: str
    score: float


class TextClassification(Task):
    """Labels texts, or pairs of texts."""

    names: ClassVar[tuple[str, ...]] = ("text-classification",)

    def __call__(
        self, text: str, text_pair: str | None = None, *, top_k: int | None = 1
    ) -> list[Label]:
        """Label one text, or one pair; for `top_k` see `batch`."""
        return self.batch([text if text_pair is None else (text, text_pair)], top_k=top_k)[0]

    def batch(
        self,
        texts: Sequence[str | tuple[str, str]],
        *,
        top_k: int | None = 1,
        batch_size: int | None = None,
    ) -> list[list[Label]]:
        """Label texts.

        Args:
            texts: The texts, or pairs (premise and hypothesis), cut to the model's maximum.
            top_k: Return the best so many labels of each, all when ``None``.
            batch_size: At most so many texts a batch; by default as many as are fast.

        Returns:
            For each text its labels, the most probable first.

        Raises:
            InputError: Something is no text, or `top_k` is below 1.
        """
        if top_k is not None and top_k < 1:
            raise InputError(f"top_k is {top_k}, expected at least 1, or None for all")
        encodings = self.encoder.tokenizer.encode(texts)
        found: list[list[Label]] = [[] for _ in encodings]
        for indices, outputs in self.encoder.run(encodings, ("logits",), batch_size=batch_size):
            for index, scores in zip(indices, self._scores(outputs["logits"]), strict=True):
                found[index] = self._ranked(scores)[:top_k]
        return found

    def _scores(self, logits: Floats) -> Floats:
        """Turn logits ``(batch, labels)`` into scores of the same shape."""
        problem = self.bundle.manifest.problem_type
        if problem == "regression":
            return logits
        if problem == "multi_label_classification" or logits.shape[-1] == 1:
            return sigmoid(logits)
        return softmax(logits)

    def _ranked(self, scores: Floats) -> list[Label]:
        names = fit_labels(self.bundle.manifest.labels, len(scores))
        labels = [Label(name, float(s)) for name, s in zip(names, scores, strict=True)]
        return sorted(labels, key=lambda label: -label.score)
