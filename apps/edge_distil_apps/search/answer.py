"""An answer out of the passages that were found, with its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edge_distil.tasks import QuestionAnswering
from edge_distil_apps.search.index import Hit

_READ = 5  # passages; an answer further down is rarely the right one, and each costs a forward


class Sourced(NamedTuple):
    """An answer and where it stands.

    Attributes:
        text: The answer; ``hits[hit].text[start:end]``.
        score: Its probability among the spans of its passage.
        file: The file.
        line: The line on which it begins.
        hit: The passage's place among the hits, from 0.
        start: First character in the passage.
        end: The one after the last.
    """

    text: str
    score: float
    file: str
    line: int
    hit: int
    start: int
    end: int


def answer(task: QuestionAnswering, question: str, hits: Sequence[Hit]) -> Sourced | None:
    """Return the most probable answer that the first passages give; ``None`` without hits."""
    read = hits[:_READ]
    answers = [found[0] for found in task.batch([(question, hit.text) for hit in read])]
    if not answers:
        return None
    best = max(range(len(answers)), key=lambda number: answers[number].score)
    found, hit = answers[best], read[best]
    line = hit.start + hit.text.count("\n", 0, found.start)
    return Sourced(found.text, found.score, hit.file, line, best, found.start, found.end)
