"""SQuAD's JSON format, versions 1.1 and 2.0."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil.errors import DataError
from edge_distil.evaluate.files import describe, read_json
from edge_distil.evaluate.question_rows import read_question_rows

_EXPECTED = "SQuAD's (v1.1 or v2.0)"
_ROWS = (".jsonl", ".ndjson", ".csv", ".tsv")


@dataclass(frozen=True)
class SquadExample:
    """One question; no answers means that the context does not answer it (version 2.0)."""

    id: str
    question: str
    context: str
    answers: tuple[str, ...]


class Question(NamedTuple):
    """One question as it is asked: its place in the file, its id if it has one, its texts."""

    where: str
    id: Any
    question: str
    context: str


@dataclass(frozen=True)
class SquadSet:
    """The questions of a SQuAD file.

    Attributes:
        version: ``"1.1"`` or ``"2.0"``: whose rules score it.
        examples: In the file's order.
    """

    version: str
    examples: tuple[SquadExample, ...]


def read_squad(path: str | Path) -> SquadSet:
    """Read a SQuAD v1.1 or v2.0 JSON file, or rows of question, context and answers.

    It is version 2.0 when it says so, or when a question has ``is_impossible``; rows are where one
    has no answer.

    Raises:
        DataError: Not such a file; the message names the place in it.
    """
    if Path(path).suffix.lower() in _ROWS:
        return _from_rows(Path(path))
    raw = read_json(path, _EXPECTED)
    if _holds_rows(raw):
        return _from_rows(Path(path))
    second = _is_second(raw)
    examples: dict[str, SquadExample] = {}
    for where, context, question in _questions(raw, str(path)):
        example = _example(where, context, question)
        if example.id in examples:
            raise DataError(f"{where} repeats the id {example.id!r}: give each question its own")
        examples[example.id] = example
        second = second or "is_impossible" in question
    squad = SquadSet("2.0" if second else "1.1", tuple(examples.values()))
    _check(squad, path)
    return squad


def _from_rows(path: Path) -> SquadSet:
    examples = tuple(SquadExample(*row) for row in read_question_rows(path))
    if len({example.id for example in examples}) < len(examples):
        raise DataError(f"{path} has an id twice, expected each once: give each row its own")
    return SquadSet("1.1" if all(e.answers for e in examples) else "2.0", examples)


def _holds_rows(raw: Any) -> bool:
    """Whether JSON is a list of questions, by itself or under "data"."""
    rows = raw.get("data") if isinstance(raw, dict) else raw
    first = rows[0] if isinstance(rows, list) and rows else None
    return isinstance(first, dict) and "question" in first


def is_squad(path: str | Path) -> bool:
    """Return whether a file is one of SQuAD's, as its articles look."""
    try:
        raw = read_json(path, _EXPECTED)
    except DataError:
        return False
    articles = raw.get("data") if isinstance(raw, dict) else None
    return isinstance(articles, list) and any(
        isinstance(article, dict) and "paragraphs" in article for article in articles
    )


def read_questions(path: str | Path) -> list[Question]:
    """Return the questions of a SQuAD file, answered there or not.

    Raises:
        DataError: Not such a file; the message names the place in it.
    """
    found = []
    for where, context, question in _questions(read_json(path, _EXPECTED), str(path)):
        asked = question.get("question") if isinstance(question, dict) else None
        if not isinstance(asked, str) or not isinstance(context, str):
            raise DataError(
                f"{where} has no question, or its paragraph no context, that is text: add it"
            )
        found.append(Question(where, question.get("id"), asked, context))
    return found


def _is_second(raw: Any) -> bool:
    return isinstance(raw, dict) and str(raw.get("version")).lstrip("v").startswith("2")


def _questions(raw: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield (place in the file, context, question)."""
    for a, article in enumerate(_list(raw, "data", where)):
        for p, paragraph in enumerate(_list(article, "paragraphs", f"{where}, data[{a}]")):
            place = f"{where}, data[{a}].paragraphs[{p}]"
            for q, question in enumerate(_list(paragraph, "qas", place)):
                yield f"{place}.qas[{q}]", paragraph.get("context"), question


def _list(value: Any, key: str, where: str) -> list[Any]:
    if not isinstance(value, dict) or not isinstance(value.get(key), list):
        raise DataError(
            f"{where} has {describe(value)}, expected an object with a list {key!r}: "
            "give a SQuAD v1.1 or v2.0 JSON file"
        )
    found: list[Any] = value[key]
    return found


def _example(where: str, context: Any, question: Any) -> SquadExample:
    answers = _list(question, "answers", where)
    texts = (question.get("id"), question.get("question"), context)
    golds: tuple[Any, ...] = tuple(a.get("text") if isinstance(a, dict) else None for a in answers)
    if not all(isinstance(text, str) for text in (*texts, *golds)):
        raise DataError(
            f"{where} has a value that is missing or not text, expected id, question, "
            "answers[].text and the paragraph's context: give a SQuAD v1.1 or v2.0 JSON file"
        )
    return SquadExample(*texts, golds)


def _check(squad: SquadSet, path: str | Path) -> None:
    if not squad.examples:
        raise DataError(f"{path} has no questions, expected at least one: fetch the file again")
    unanswered = next((e.id for e in squad.examples if not e.answers), None)
    if squad.version == "1.1" and unanswered is not None:
        raise DataError(
            f"{path} has no answers for question {unanswered!r}, expected one or more in SQuAD "
            'v1.1: add them, or say "version": "v2.0" if it has none'
        )
