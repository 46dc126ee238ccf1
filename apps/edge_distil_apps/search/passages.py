"""Text files cut into passages, each a run of whole paragraphs with its line numbers.

============================  ======================================================================
choice                        why
============================  ======================================================================
paragraphs, never half ones   a reader, a vector and an answer all need the whole thought
80 to 200 words               80: one line alone says too little to be found; 200 as counted here:
                              of the documentation of 177 installed packages half the passages
                              have 168 tokens, 95 % at most 237; 1.5 % pass the 256 at which
                              sentence encoders cut (53 % when words were what spaces divide)
a heading ends a passage      once that has 80 words; shorter sections stay together
headings carried along        ``Guide > Install > Linux`` is embedded and indexed with its passage
longer paragraphs are cut     at the end of a sentence, else at the end of a line, else at a word
no overlap                    paragraphs are whole, and each line is shown once
``#`` in .md alone            in a .txt it is a comment, in a fenced block of code too
a passage is text of the      what is shown can be found there, and the lines given hold it
file, letter for letter
============================  ======================================================================
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from edge_distil_apps.search.scripts import UNSPACED

LEAST_WORDS = 80
MOST_WORDS = 200
_HEADING_LIMIT = 120  # characters; what is longer is a sentence

# What counts as a word, so that 200 of them are about 250 tokens of any text: up to 8 letters or
# digits, a mark (tables and code are full of them), or a character of a script without spaces.
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]{{1,8}}|[^\w\s]|_")
_SENTENCE_ENDS = (".", "!", "?", "。", "！", "？", ":", ";")
_HASHES = re.compile(r"(#{1,6})\s+(.*?)\s*#*$")
_UNDERLINE = re.compile(r"([=\-~^\"'*+#<>_])\1{2,}$")
_FENCE = re.compile(r"\s*(```|~~~)")


class Passage(NamedTuple):
    """A part of a file.

    Attributes:
        text: As it stands in the file.
        heading: The headings above it, the outermost first, joined with " > "; may be empty.
        start: Its first line, counted from 1.
        end: Its last line.
    """

    text: str
    heading: str
    start: int
    end: int


class _Block(NamedTuple):
    """A paragraph or a heading: characters ``start`` to ``end`` of the text."""

    start: int
    end: int
    heading: str
    opens: bool  # it is a heading itself


@dataclass
class _Outline:
    """The headings above the present line."""

    levels: list[tuple[int, str]] = field(default_factory=list)
    underlines: list[str] = field(default_factory=list)  # in their order of appearance: their level

    def enter(self, level: int, title: str) -> None:
        while self.levels and self.levels[-1][0] >= level:
            self.levels.pop()
        self.levels.append((level, title))

    def underlined(self, character: str) -> int:
        """Return the level of an underline, as reStructuredText has it: first seen, outermost."""
        if character not in self.underlines:
            self.underlines.append(character)
        return self.underlines.index(character) + 1

    def __str__(self) -> str:
        return " > ".join(title for _, title in self.levels)


def split(text: str, *, markdown: bool = False) -> list[Passage]:
    r"""Cut a text into passages.

    >>> split("# Lamp\n\nIt burns oil.\n", markdown=True)
    [Passage(text='# Lamp\n\nIt burns oil.', heading='Lamp', start=1, end=3)]

    Args:
        text: A file's text; lines end in ``\n``.
        markdown: Read lines that begin with ``#`` as headings.
    """
    line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return [
        Passage(
            text[start:end],
            heading,
            bisect_right(line_starts, start),
            bisect_right(line_starts, end - 1),
        )
        for start, end, heading in _pack(text, list(_blocks(text, markdown)))
    ]


def count_words(text: str) -> int:
    """Count words as the limits of a passage do.

    >>> count_words("two words"), count_words("灯台守"), count_words("x" * 100)
    (2, 3, 13)
    """
    return sum(1 for _ in _WORD.finditer(text))


def _blocks(text: str, markdown: bool) -> Iterator[_Block]:
    """Yield the headings and paragraphs of a text in order."""
    outline = _Outline()
    paragraph: tuple[int, int] | None = None
    fence: str | None = None
    for start, end, line, below in _lines(text):
        mark = _FENCE.match(line) if markdown else None
        if mark and fence in (None, mark[1]):
            fence = None if fence else mark[1]
        title = None if fence or mark else _title(line, below, markdown, outline)
        between = not line.strip() or _UNDERLINE.match(line.rstrip())
        if paragraph and (title or between):
            yield _Block(*paragraph, str(outline), opens=False)
            paragraph = None
        if title:
            outline.enter(*title)
            yield _Block(start, end, str(outline), opens=True)
        elif not between:
            paragraph = (paragraph[0] if paragraph else start, end)
    if paragraph:
        yield _Block(*paragraph, str(outline), opens=False)


def _lines(text: str) -> Iterator[tuple[int, int, str, str]]:
    """Yield each line's first and last character, itself, and the line below it."""
    lines = text.split("\n")
    start = 0
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        yield start, start + len(line), line, below
        start += len(line) + 1


def _title(line: str, below: str, markdown: bool, outline: _Outline) -> tuple[int, str] | None:
    """Return level and words of a heading; ``None`` for any other line."""
    hashes = _HASHES.match(line) if markdown else None
    if hashes:
        return len(hashes[1]), hashes[2][:_HEADING_LIMIT]
    title, rule = line.strip(), _UNDERLINE.match(below.rstrip())
    if not rule or not title or line[0].isspace() or len(title) > _HEADING_LIMIT:
        return None
    if not any(map(str.isalnum, title)) or len(below.rstrip()) < min(len(title), 4):
        return None
    return outline.underlined(rule[1]), title


def _pack(text: str, blocks: list[_Block]) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and heading of passages: whole blocks, as many as fit."""
    held: list[_Block] = []
    words = 0
    for block in blocks:
        size = count_words(text[block.start : block.end])
        if held and (words + size > MOST_WORDS or (block.opens and words >= LEAST_WORDS)):
            yield from _passages(text, held)
            held, words = [], 0
        held.append(block)
        words += size
    if held:
        yield from _passages(text, held)


def _passages(text: str, blocks: list[_Block]) -> Iterator[tuple[int, int, str]]:
    """Yield the passage that `blocks` are; several where a single block is too long."""
    # The heading of a passage is that of its first paragraph, or its own where it has no other.
    heading = next((block.heading for block in blocks if not block.opens), blocks[0].heading)
    for start, end in _cuts(text, blocks[0].start, blocks[-1].end):
        yield start, end, heading


def _cuts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut characters `start` to `end` into parts of at most `MOST_WORDS` words."""
    words = [(match.start(), match.end()) for match in _WORD.finditer(text, start, end)]
    first = 0
    while len(words) - first > MOST_WORDS:
        after = _best_cut(text, words[first : first + MOST_WORDS + 1])
        yield words[first][0], words[first + after - 1][1]
        first += after
    if first < len(words):
        yield words[first][0], words[-1][1]


def _best_cut(text: str, words: list[tuple[int, int]]) -> int:
    """Return how many of `words` to take: up to the last good end among them."""
    for good in (
        lambda i: (
            text[words[i - 1][0] : words[i - 1][1]].endswith(_SENTENCE_ENDS)
            and words[i - 1][1] < words[i][0]
        ),
        lambda i: "\n" in text[words[i - 1][1] : words[i][0]],
        lambda i: words[i - 1][1] < words[i][0],
    ):
        found = next((i for i in range(len(words) - 1, LEAST_WORDS - 1, -1) if good(i)), None)
        if found:
            return found
    return len(words) - 1
