"""Multiple choice: prompts, their choices, and which of them is right.

The measure is accuracy, as SWAG (Zellers et al. 2018), CommonsenseQA and their like are scored.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil.errors import DataError
from edge_distil.evaluate.files import Row, read_table

COLUMNS = ("prompt", "choices")


@dataclass(frozen=True)
class ChoiceQuestion:
    """A prompt, its choices and the place of the right one.

    Attributes:
        prompt: What comes first.
        choices: What may follow it.
        label: The place of the right one among them.
    """

    prompt: str
    choices: tuple[str, ...]
    label: int


def read_choice_questions(path: str | Path) -> list[ChoiceQuestion]:
    """Read ``prompt``, ``choices``, ``label`` from ``.jsonl``, ``.csv`` or ``.tsv``.

    Choices are a list of texts, in a table written as JSON; the label is the place of the right
    one, from 0, or its text.

    Raises:
        DataError: The file cannot be read, or a row has something else there.
    """
    return [_question(row) for row in read_table(path, (*COLUMNS, "label"))]


def choices_of(row: Row) -> list[str]:
    """Return the choices of a row.

    Raises:
        DataError: There is no list of texts.
    """
    value: Any = row.cells["choices"]
    if isinstance(value, str):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return value
    raise DataError(
        f"{row.where}: choices is {row.cells['choices']!r}, expected a list of texts, in a table "
        'written as JSON (["a", "b"]): correct or remove the row'
    )


def _question(row: Row) -> ChoiceQuestion:
    choices = choices_of(row)
    return ChoiceQuestion(row.text("prompt"), tuple(choices), _label(row, choices))


def _label(row: Row, choices: list[str]) -> int:
    """Return the place of the right choice, which a row may name by its text."""
    value = row.cells["label"]
    if isinstance(value, str):
        named = {place for place in range(len(choices)) if str(place) == value}
        if choices.count(value) == 1:
            named.add(choices.index(value))
        if len(named) > 1:
            raise DataError(
                f"{row.where}: the label is {value!r}, the place of one choice, from 0, and "
                "the text of another, expected one choice: give the place as a number, in .jsonl"
            )
        value = named.pop() if named else None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(choices):
        return value
    raise DataError(
        f"{row.where}: the label is {row.cells['label']!r}, expected the place of one of "
        f"{len(choices)} choices, from 0, or its text: correct or remove the row"
    )
