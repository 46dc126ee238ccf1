"""Zero-shot classification as `run` uses it: texts in, labels of the command line out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from edge_distil import Bundle, Label, ZeroShotClassification
from edge_distil.tasks.zero_shot import TEMPLATE


@dataclass(frozen=True)
class Labeller:
    """A zero-shot classifier with the labels that were typed.

    Attributes:
        task: The classifier.
        labels: Labels, with commas between them.
        template: What a label is put into; by default the library's.
        multi_label: Each label is true or not by itself.
        top_k: How many labels of a text are shown, all by default.
    """

    task: ZeroShotClassification
    labels: str
    template: str | None
    multi_label: bool
    top_k: int | None

    @property
    def bundle(self) -> Bundle:
        """The bundle that runs."""
        return self.task.bundle

    @property
    def variant(self) -> str:
        """The name of the variant that runs."""
        return self.task.variant

    def stream(self, texts: list[str]) -> Iterator[list[Label]]:
        """Yield the labels of each text."""
        found = self.task.stream(
            texts,
            self.labels,
            hypothesis_template=self.template or TEMPLATE,
            multi_label=self.multi_label,
        )
        return (labels[: self.top_k] for labels in found)
