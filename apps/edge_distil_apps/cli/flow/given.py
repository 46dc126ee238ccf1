"""What a line or a row gives to a task: a text, a pair, a question with context, with choices."""

from __future__ import annotations

from typing import Any, NamedTuple

from edge_distil.errors import InputError
from edge_distil.rows import BadRow, object_of_line

Input = str | tuple[str, str | list[str]]


class Given(NamedTuple):
    """An input.

    Attributes:
        where: Where it stands: ``"line 3 of stdin"``; nowhere, if it was typed.
        input: The text, or the two; of a prompt with choices these as a list.
        id: What its row calls it; ``None`` where the row does not.
    """

    where: str
    input: Input
    id: Any = None


class Fields(NamedTuple):
    """The names of what a task takes.

    Attributes:
        first: The key or column of the text.
        second: That of a second text, where the task takes one.
        both: It takes nothing without a second; in a line of text a tab stands between them.
        many: The second is a list of texts; in a line of text a tab stands before each.
    """

    first: str
    second: str | None = None
    both: bool = False
    many: bool = False


_PAIR = "text_pair"
ID = "id"  # the column, or key, of what a row is called
TEXTS = Fields("text")
PAIRS = Fields("text", _PAIR)
QUESTIONS = Fields("question", "context", both=True)
CHOICES = Fields("prompt", "choices", both=True, many=True)


def of_line(line: str, where: str, fields: Fields, jsonl: bool) -> Given | None:
    """Return what a line gives; ``None`` where it is blank and that says nothing.

    Args:
        line: Without its end.
        where: The line, for messages.
        fields: What it holds.
        jsonl: It is a JSON object.

    Raises:
        InputError: It does not hold that.
    """
    if not line.strip() and (jsonl or fields.both):
        return None
    if jsonl:
        return _of_object(line, where, fields)
    if not fields.both:
        return Given(where, line)
    first, tab, second = line.partition("\t")
    if not tab:
        raise _wrong(where, f"has no tab between {fields.first} and {fields.second}")
    return Given(where, (first, second.split("\t") if fields.many else second))


def _of_object(line: str, where: str, fields: Fields) -> Given:
    row = object_of_line(line)
    if isinstance(row, BadRow):
        raise _wrong(where, str(row))
    if _PAIR in row and fields.second is None:
        raise _wrong(where, f"has a {_PAIR}, which only a text-classification bundle takes")
    first = _text(where, row, fields.first)
    if fields.second is None or (fields.second not in row and not fields.both):
        return Given(where, first, row.get(ID))
    read = _texts if fields.many else _text
    return Given(where, (first, read(where, row, fields.second)), row.get(ID))


def _text(where: str, row: dict[str, Any], key: str) -> str:
    if key not in row:
        raise _wrong(where, f"has no key {key!r}")
    value = row[key]
    if not isinstance(value, str):
        raise _wrong(where, f"has {value!r} as its {key}, expected a string")
    return value


def _texts(where: str, row: dict[str, Any], key: str) -> list[str]:
    value = row.get(key)
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return value
    raise _wrong(where, f"has {value!r} as its {key}, expected a list of strings")


def _wrong(where: str, what: str) -> InputError:
    return InputError(f"{where} {what}: correct or remove it")
