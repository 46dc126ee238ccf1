"""Zero-shot classification: labels that are chosen at run time, by a model of entailment.

Source: ``ZeroShotClassificationPipeline`` of transformers 5. Each label becomes a hypothesis, and a
text is a premise that loses of its own tokens alone where the two are too long. Known differences,
each on purpose:

* a model without a label of entailment is refused (the pipeline warns, and takes the last label);
* so is a hypothesis that leaves no room for a text (the pipeline cuts nothing then).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar

import numpy as np

from edge_distil import calls
from edge_distil._reading.printable import shortened, shown
from edge_distil._tokenizing.reading import naming
from edge_distil._tokenizing.settings import read_optional
from edge_distil.bundle import Bundle
from edge_distil.encoder import Encoder
from edge_distil.errors import InputError, TaskError
from edge_distil.pooling import Floats, softmax
from edge_distil.tasks import logits
from edge_distil.tasks.base import Task, only
from edge_distil.tasks.text_classification import Label

TEMPLATE = "This example is {}."  # the pipeline's
_ENTAILMENT = "entail"  # what its label begins with, in capitals or not


class ZeroShotClassification(Task):
    """Labels texts with labels of the caller's: a model of natural language inference.

    >>> import edge_distil as ed
    >>> zero_shot = ed.load("nli/", task="zero-shot-classification")  # doctest: +SKIP
    >>> zero_shot("My phone is dead.", ["urgent", "not urgent"])  # doctest: +SKIP
    [Label(label='urgent', score=0.93), Label(label='not urgent', score=0.07)]
    """

    names: ClassVar[tuple[str, ...]] = ("text-classification",)

    def __init__(self, encoder: Encoder) -> None:
        """Serve `encoder`.

        Raises:
            TaskError: Its bundle is for another task, or has no label of entailment.
        """
        super().__init__(encoder)
        entailment = _find_entailment(self.bundle)
        self._read = [
            -1 if entailment == 0 else 0,
            entailment,
        ]  # contradiction's logit, and its own

    def __call__(
        self,
        text: str,
        candidate_labels: str | Iterable[str],
        *,
        hypothesis_template: str = TEMPLATE,
        multi_label: bool = False,
    ) -> list[Label]:
        """Label one text; for the options see `batch`."""
        rows = [_some(text, "text")]
        return only(
            self._stream(rows, candidate_labels, hypothesis_template, multi_label, known=True)
        )

    def batch(
        self,
        texts: Iterable[str],
        candidate_labels: str | Iterable[str],
        *,
        hypothesis_template: str = TEMPLATE,
        multi_label: bool = False,
        batch_size: int | None = None,
    ) -> list[list[Label]]:
        """Label texts.

        Args:
            texts: The texts, cut to what the model has room for beside a hypothesis.
            candidate_labels: The labels: a list, or a str with commas between them. A text takes as
                many runs of the model as there are labels.
            hypothesis_template: What a label is put into, at ``{}``; in the texts' language.
            multi_label: Each label is true or not by itself; else one of them is, and the scores
                of a text add up to 1.
            batch_size: At most so many pairs of a text and a label a batch.

        Returns:
            For each text all labels, the most probable first.

        Raises:
            InputError: Something is not a text or is empty, there is no label, the template has no
                place for one, or a hypothesis leaves no room for a text.
            OutputError: What the model gives is not finite.
        """
        rows = list(_checked(calls.many(texts, "texts")))
        return list(
            self._stream(
                rows, candidate_labels, hypothesis_template, multi_label, batch_size, known=True
            )
        )

    def stream(
        self,
        texts: Iterable[str],
        candidate_labels: str | Iterable[str],
        *,
        hypothesis_template: str = TEMPLATE,
        multi_label: bool = False,
        batch_size: int | None = None,
    ) -> Iterator[list[Label]]:
        """Label a stream of texts of any length, in order; see `batch`.

        At most 1,024 pairs of a text and a label are read ahead, at first 8.
        """
        rows = _checked(calls.many(texts, "texts"))
        return self._stream(rows, candidate_labels, hypothesis_template, multi_label, batch_size)

    def _stream(
        self,
        texts: Iterable[str],
        candidate_labels: str | Iterable[str],
        template: str,
        multi_label: bool,
        batch_size: int | None = None,
        *,
        known: bool = False,
    ) -> Iterator[list[Label]]:
        calls.flag(multi_label=multi_label)
        calls.whole_or_none(1, batch_size=batch_size)
        names = _labels(candidate_labels)
        hypotheses = self._hypotheses(names, template)
        said = logits.read(
            self.encoder,
            ((text, hypothesis) for text in texts for hypothesis in hypotheses),
            lambda found: found[self._read],
            known=known,
            item=lambda number: f"text {number // len(names)}: ",
            batch_size=batch_size,
            long=logits.long_work(texts, len(names)),
            only_first=True,
        )
        alone = multi_label or len(names) == 1
        return (
            _ranked(names, np.stack([first, *islice(said, len(names) - 1)]), alone)
            for first in said
        )

    def _hypotheses(self, names: Sequence[str], template: str) -> list[str]:
        """Put each label into the template.

        Raises:
            InputError: It has no place for one, or what comes out leaves no room for a text.
        """
        made = [_filled(template, name) for name in names]
        room = self.encoder.tokenizer.room(2)
        for number, hypothesis in enumerate(made):
            with naming(f"candidate label {number}: "):
                tokens = len(self.encoder.tokenizer.whole(hypothesis))
            if tokens >= room:
                raise InputError(
                    f"candidate label {number} makes a hypothesis of {tokens} tokens, expected "
                    f"less than the model's {room}: shorten it, or hypothesis_template"
                )
        return made


def _find_entailment(bundle: Bundle) -> int:
    """Return the place of entailment among the logits, as the pipeline finds it.

    Raises:
        TaskError: No label is called so.
    """
    labels = bundle.manifest.labels
    places = read_optional(bundle.path / "config.json").object("label2id")
    for name in places.values:
        if name.lower().startswith(_ENTAILMENT):
            return places.whole(name, 0, max(len(labels) - 1, 0))
    for place, name in enumerate(labels):
        if name.lower().startswith(_ENTAILMENT):
            return place
    found = shortened(", ".join(labels) or "none", most=100)
    raise TaskError(
        f"{bundle.path} has the labels {found}, expected one that begins with {_ENTAILMENT!r}: "
        "choose a model of natural language inference, or name it so in the checkpoint's "
        "config.json (id2label and label2id) and export it again"
    )


def _labels(given: Any) -> list[str]:
    """Return the labels of a list, or of a str with commas between them."""
    if isinstance(given, str):
        names = [name.strip() for name in given.split(",") if name.strip()]
    else:
        many = enumerate(calls.many(given, "candidate_labels"))
        names = [calls.text(name, f"candidate label {number}") for number, name in many]
    if not names:
        raise InputError("candidate_labels holds no label, expected at least one: give it")
    return names


def _filled(template: str, name: str) -> str:
    """Put a label into the template, which has a place for it."""
    calls.text(template, "hypothesis_template")
    try:
        if template.format("a") != template.format("b"):
            return template.format(name)
    except (AttributeError, LookupError, ValueError):
        pass
    raise InputError(
        f"hypothesis_template is {shown(template)}, expected {{}} where the label goes: "
        f"for example {TEMPLATE!r}"
    )


def _some(text: Any, name: str) -> str:
    if calls.text(text, name):
        return str(text)
    raise InputError(f"{name} is '', expected some text: leave it out")


def _checked(texts: Iterable[Any]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield _some(text, f"text {number}")


def _ranked(names: Sequence[str], found: Floats, alone: bool) -> list[Label]:
    """Return the labels of a text, the most probable first.

    Args:
        names: The labels.
        found: Of each the logits of contradiction and entailment, ``(labels, 2)``.
        alone: Entailment stands against contradiction, not against that of other labels.
    """
    scores = softmax(found)[:, 1] if alone else softmax(found[:, 1])
    labels = [Label(name, float(score)) for name, score in zip(names, scores, strict=True)]
    return sorted(labels, key=lambda label: -label.score)
