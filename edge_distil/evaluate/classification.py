"""Accuracy, precision, recall and F1, for one label or many labels a text.

Everything follows from counts: true positives, false positives and false negatives of each
class. 0/0 is 0. The averages are defined as in Sokolova & Lapalme 2009, "A systematic analysis
of performance measures for classification tasks".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_distil.errors import DataError
from edge_distil.evaluate.files import Row, read_table

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LabelledText:
    """A text with its labels as the file writes them: names or indices.

    Attributes:
        text: The text, or a pair of them.
        labels: One, or for a multi-label file any number.
        where: File name and line, for messages.
    """

    text: str | tuple[str, str]
    labels: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class Scores:
    """Precision, recall and their harmonic mean, 0 to 1."""

    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Counts:
    """How often each class was found, found wrongly and missed: three times ``(classes,)``."""

    true_positives: Ints
    false_positives: Ints
    false_negatives: Ints

    def binary(self, index: int = 1) -> Scores:
        """Score one class alone."""
        return _scores(
            self.true_positives[index], self.false_positives[index], self.false_negatives[index]
        )

    def micro(self) -> Scores:
        """Score the sums over the classes."""
        return _scores(
            self.true_positives.sum(), self.false_positives.sum(), self.false_negatives.sum()
        )

    def macro(self) -> Scores:
        """Average the classes' scores; all classes count alike."""
        return self._average(np.ones(len(self.true_positives)))

    def weighted(self) -> Scores:
        """Average the classes' scores by how often each is true."""
        return self._average(self.true_positives + self.false_negatives)

    def occurring(self) -> Counts:
        """Leave out the classes that are neither true nor predicted anywhere."""
        keep = (self.true_positives + self.false_positives + self.false_negatives) > 0
        return Counts(
            self.true_positives[keep], self.false_positives[keep], self.false_negatives[keep]
        )

    def _average(self, weights: NDArray[Any]) -> Scores:
        each = [self.binary(index) for index in range(len(self.true_positives))]
        if not weights.sum():
            return Scores(0.0, 0.0, 0.0)
        table = np.array([[s.precision, s.recall, s.f1] for s in each])  # (classes, 3)
        return Scores(*(float(x) for x in np.average(table, axis=0, weights=weights)))


def _scores(true_positives: Any, false_positives: Any, false_negatives: Any) -> Scores:
    tp, fp, fn = float(true_positives), float(false_positives), float(false_negatives)
    return Scores(
        precision=tp / (tp + fp) if tp else 0.0,
        recall=tp / (tp + fn) if tp else 0.0,
        f1=2 * tp / (2 * tp + fp + fn) if tp else 0.0,
    )


def confusion(truth: ArrayLike, predicted: ArrayLike, classes: int) -> Ints:
    """Count the examples of each true class (row) that were given each class (column).

    >>> confusion([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (np.asarray(truth, np.intp), np.asarray(predicted, np.intp)), 1)
    return matrix


def accuracy(matrix: Ints) -> float:
    """Share of the examples on the diagonal.

    >>> accuracy(confusion([0, 0, 1, 1], [0, 1, 1, 1], 2))
    0.75
    """
    return float(np.trace(matrix) / matrix.sum())


def counts(matrix: Ints) -> Counts:
    """Counts of every class, from a confusion matrix.

    >>> found = counts(confusion([0, 0, 1], [0, 1, 1], 3))  # class 2 never occurs
    >>> found.occurring().macro()
    Scores(precision=0.75, recall=0.75, f1=0.6666666666666666)
    """
    hits = np.diag(matrix)
    return Counts(hits, matrix.sum(axis=0) - hits, matrix.sum(axis=1) - hits)


def multi_label_counts(truth: ArrayLike, predicted: ArrayLike) -> Counts:
    """Counts of every label, from two boolean ``(texts, labels)``.

    >>> multi_label_counts([[1, 1], [0, 1]], [[1, 0], [1, 1]]).micro()
    Scores(precision=0.6666666666666666, recall=0.6666666666666666, f1=0.6666666666666666)
    """
    t, p = np.asarray(truth, bool), np.asarray(predicted, bool)
    return Counts((t & p).sum(axis=0), (~t & p).sum(axis=0), (t & ~p).sum(axis=0))


def read_labelled(path: str | Path) -> list[LabelledText]:
    """Read ``text``, ``label`` from ``.tsv``, ``.csv`` or ``.jsonl``.

    A column ``text_pair`` makes pairs of the texts. In ``.jsonl`` a label may be a name, an index
    or a list of these (many labels a text).

    Raises:
        DataError: The file cannot be read, or a row has no text or no label.
    """
    return [
        LabelledText(row.text_or_pair(), _labels(row), row.where)
        for row in read_table(path, ("text", "label"), optional=("text_pair",))
    ]


def _labels(row: Row) -> tuple[str, ...]:
    value = row.cells["label"]
    labels = tuple(value) if isinstance(value, list) else (value,)
    names = tuple(str(label).strip() for label in labels)
    if not all(names) or not all(isinstance(label, str | int) for label in labels):
        raise DataError(
            f"{row.where}: the label is {value!r}, expected a name or an index: "
            "correct or remove the row"
        )
    return names


def label_indices(example: LabelledText, names: Sequence[str]) -> list[int]:
    """Find an example's labels among a model's.

    Args:
        example: Labels by name or, where no name is the same, by index.
        names: The model's labels.

    Raises:
        DataError: The model has no such label.

    >>> label_indices(LabelledText("fine", ("positive",), "a.tsv, line 1"), ("bad", "positive"))
    [1]
    >>> label_indices(LabelledText("fine", ("1",), "a.tsv, line 1"), ("bad", "positive"))
    [1]
    """
    return [_index(label, names, example.where) for label in example.labels]


def _index(label: str, names: Sequence[str], where: str) -> int:
    if label in names:
        return names.index(label)
    if label.isdecimal() and int(label) < len(names):
        return int(label)
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    raise DataError(
        f"{where}: the label is {label!r}, expected one of {shown} or an index below "
        f"{len(names)}: correct it, or choose the model that the file was made for"
    )
