"""Texts with classes, and words with tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from edge_distil._tokenizing.rows import Row
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import DataError
from edge_distil.evaluate.classification import label_indices, read_labelled
from edge_distil.evaluate.spans import Span, TaggedSentence, read_conll
from edge_distil_distil.data.examples import Array, Examples
from edge_distil_distil.objectives.labels import IGNORED


def labelled_examples(
    paths: Iterable[Path], tokenizer: Tokenizer, labels: Sequence[str], *, many: bool
) -> Examples:
    """Read texts with their classes.

    Args:
        paths: Files as of `edge_distil.evaluate`.
        tokenizer: The student's.
        labels: The model's classes, in order.
        many: A text may have any number of them.

    Raises:
        DataError: A file cannot be read, or names a class that the model does not have.
    """
    examples = [example for path in paths for example in read_labelled(path)]
    indices = [label_indices(example, labels) for example in examples]
    for example, found in zip(examples, indices, strict=True):
        if not many and len(found) != 1:
            raise DataError(
                f"{example.where} has {len(found)} labels, expected one: give one label a text"
            )
    encoded = tokenizer.encode([example.text for example in examples], offsets=False)
    targets = _hot(indices, len(labels)) if many else np.array([row[0] for row in indices])
    return Examples([Row.of(e) for e in encoded], row_targets={"labels": targets})


def _hot(indices: Sequence[Sequence[int]], labels: int) -> Array:
    table = np.zeros((len(indices), labels), np.float32)
    for row, found in zip(table, indices, strict=True):
        row[list(found)] = 1
    return table


def tagged_examples(paths: Iterable[Path], tokenizer: Tokenizer, labels: Sequence[str]) -> Examples:
    """Read words with BIO tags; a word's first token has its tag, the others none.

    Raises:
        DataError: A file cannot be read, or names a tag that the model does not have.
    """
    rows: list[Row] = []
    targets: list[Array] = []
    for path in paths:
        sentences = read_conll(path)
        for sentence, encoding in zip(
            sentences, tokenizer.encode([s.text for s in sentences]), strict=True
        ):
            tags = dict(zip(sentence.word_starts(), _tags(sentence, labels), strict=True))
            found = np.full(len(encoding), IGNORED, np.int64)
            for place, ((start, end), text) in enumerate(
                zip(encoding.offsets, encoding.sequence_ids, strict=True)
            ):
                if text is not None and end > start:
                    found[place] = tags.get(start, IGNORED)
            rows.append(Row.of(encoding))
            targets.append(found)
    return Examples(rows, token_targets={"token_labels": targets})


def _tags(sentence: TaggedSentence, labels: Sequence[str]) -> list[int]:
    """Return the label of each word, in the scheme of the model's labels: BIO, IO or BIOES."""
    names = ["O"] * len(sentence.words)
    for span in sentence.spans:
        for place in range(span.start, span.end):
            names[place] = _tag(span, place, labels)
    for name in names:
        if name not in labels:
            raise DataError(
                f"{sentence.where}: the sentence has the tag {name!r}, expected one of "
                f"{', '.join(labels)}: choose the model that the file was made for"
            )
    return [labels.index(name) for name in names]


def _tag(span: Span, place: int, labels: Sequence[str]) -> str:
    """Return the tag of a word of an entity."""
    first, last = place == span.start, place == span.end - 1
    roles = "SBI" if first and last else "BI" if first else "EI" if last else "I"
    tags = [f"{role}-{span.label}" for role in roles]
    return next((tag for tag in tags if tag in labels), tags[0])
