"""Entity-level precision, recall and F1 for token classification.

An entity counts as found only when its type, its first and its last word are all right. Tags
are read by the rules of ``conlleval`` (Tjong Kim Sang & Buchholz 2000), which seqeval's default
mode follows: an ``I-`` that continues nothing begins an entity, so IOB1 and IOB2 both work. So do
the schemes with ends (`edge_distil.tasks.schemes`), each read as what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_distil.errors import DataError
from edge_distil.evaluate.classification import Counts
from edge_distil.evaluate.files import column_names, read_table, read_text
from edge_distil.rows import split_lines
from edge_distil.tasks.schemes import OUTSIDE, Tag, group, read_tag

_ROWS = (".jsonl", ".ndjson")
_BLANKS = " \t\r"  # a no-break space is part of a word
_GAP = re.compile(r"[ \t]+")


class Span(NamedTuple):
    """An entity: its type, first word and the word after its last."""

    label: str
    start: int
    end: int


@dataclass(frozen=True)
class TaggedSentence:
    """Words and their entities.

    Attributes:
        words: The words.
        spans: The entities, in order.
        where: File name and line of the first word, for messages.
    """

    words: tuple[str, ...]
    spans: tuple[Span, ...]
    where: str

    @property
    def text(self) -> str:
        """The words with a space between them."""
        return " ".join(self.words)

    def word_starts(self) -> list[int]:
        """Offset of each word in `text`.

        >>> TaggedSentence(("Ada", "lives"), (), "").word_starts()
        [0, 4]
        """
        ends = np.cumsum([len(word) + 1 for word in self.words])
        return [0, *(int(end) for end in ends[:-1])]


def spans(tags: Sequence[str]) -> list[Span]:
    """Entities of one sentence's tags ``O``, ``B-X``, ``I-X``, ``E-X``, ``S-X``.

    >>> [tuple(span) for span in spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])]
    [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
    >>> [tuple(span) for span in spans(["B-PER", "E-PER", "S-PER"])]
    [('PER', 0, 2), ('PER', 2, 3)]
    """
    read = [Tag(*tag.split("-", 1)) if "-" in tag else Tag(OUTSIDE, OUTSIDE) for tag in tags]
    return [
        Span(read[indices[0]].type, indices[0], indices[-1] + 1)
        for indices in group(read)
        if read[indices[0]].role != OUTSIDE
    ]


def word_tags(
    sentence: TaggedSentence, tokens: Sequence[tuple[str, float, int, int]]
) -> list[tuple[str, float]]:
    """Give each word the tag of the token that holds its first character, else ``O``.

    This is how published scores are made: a word's later tokens play no part.

    Args:
        sentence: The words.
        tokens: (tag, score, start, end), in the characters of ``sentence.text``. A tag without a
            letter of BIOES continues an entity of its kind.

    Returns:
        For each word its tag and the token's score.

    >>> words = TaggedSentence(("in", "New-York"), (), "")
    >>> word_tags(words, [("O", 0.9, 0, 2), ("LOC", 0.8, 3, 6), ("O", 0.7, 6, 7)])
    [('O', 0.9), ('I-LOC', 0.8)]
    """
    found = []
    for first in sentence.word_starts():
        holding = ((label, score) for label, score, start, end in tokens if start <= first < end)
        tag, score = next(holding, ("O", 0.0))
        plain = tag != "O" and tag[:2] not in ("B-", "I-", "E-", "S-")
        found.append((f"I-{tag}" if plain else tag, score))
    return found


def span_counts(truth: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]]) -> Counts:
    """Counts by entity type over all sentences, types in alphabetical order.

    >>> span_counts([[Span("LOC", 1, 3)]], [[Span("LOC", 1, 2)]]).micro().f1
    0.0
    """
    labels = sorted({s.label for sentence in (*truth, *predicted) for s in sentence})
    table = np.zeros((3, len(labels)), np.int64)
    for expected, got in zip(truth, predicted, strict=True):
        groups = (set(expected) & set(got), set(got) - set(expected), set(expected) - set(got))
        for row, found in zip(table, groups, strict=True):
            for span in found:
                row[labels.index(span.label)] += 1
    return Counts(*table)


def read_conll(path: str | Path) -> list[TaggedSentence]:
    """Read a CoNLL file: a word a line, its tag last, a blank line between sentences.

    Or JSON lines of ``tokens`` and ``tags`` (``ner_tags``), two lists of strings of one length.

    Tags are of any scheme that `edge_distil.tasks.schemes` knows: BIO, BIOES, BILOU, BMES.

    Raises:
        DataError: The file cannot be read, or a line has no tag.
    """
    is_rows = Path(path).suffix.lower() in _ROWS
    sentences = list(_of_rows(Path(path)) if is_rows else _sentences(path))
    if not sentences:
        raise DataError(f"{path} has no sentences, expected at least one: fetch the file again")
    return sentences


def _of_rows(path: Path) -> Iterator[TaggedSentence]:
    last = "ner_tags" if "ner_tags" in column_names(path) else "tags"
    for row in read_table(path, ("tokens", last)):
        words, tags = row.cells["tokens"], row.cells[last]
        lists = isinstance(words, list) and isinstance(tags, list) and len(words) == len(tags) > 0
        if not lists or not all(isinstance(text, str) and text for text in (*words, *tags)):
            raise DataError(
                f"{row.where}: expected tokens and {last} as two lists of texts of one length, the "
                "tags by name, such as B-PER: correct or remove the row"
            )
        read = [read_tag(tag) for tag in tags]
        if None in read:
            wrong = tags[read.index(None)]
            raise DataError(f"{row.where}: {wrong!r} is no tag, expected O or B-X: correct it")
        yield TaggedSentence(tuple(words), tuple(spans(list(map(str, read)))), row.where)


def _sentences(path: str | Path) -> Iterator[TaggedSentence]:
    rows: list[tuple[str, str]] = []
    for number, line in enumerate([*split_lines(read_text(path)), ""], 1):
        cells = _GAP.split(line.strip(_BLANKS))
        if cells[0] in ("", "-DOCSTART-"):
            if rows:
                words, tags = zip(*rows, strict=True)
                yield TaggedSentence(
                    words, tuple(spans(tags)), f"{path}, line {number - len(rows)}"
                )
            rows = []
            continue
        tag = read_tag(cells[-1]) if len(cells) > 1 else None
        if tag is None:
            raise DataError(
                f"{path}, line {number} is {line.strip()!r}, expected a word and, last, a tag "
                "O, B-TYPE or I-TYPE: give a CoNLL file with tags of BIO, BIOES, BILOU or BMES"
            )
        rows.append((cells[0], str(tag)))
