"""Questions as rows: what `datasets` makes of SQuAD, and what a person types into a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_distil.errors import DataError
from edge_distil.evaluate.files import Row, check_names, column_names, read_table

COLUMNS = ("question", "context", "answers")
_ONE = "answer"  # the other name of the last, where there is one answer a row


def read_question_rows(path: Path) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Read rows of `COLUMNS`; ``answer`` is another name of the last, and ``id`` may be there.

    Answers are a text, a list of texts, of objects with a ``text``, or as `datasets` has them, an
    object whose ``text`` is a list. None, or an empty one, says that the context has no answer.

    Returns:
        Of each its id, by default the number of the row, question, context and answers.

    Raises:
        DataError: The file cannot be read, lacks a column, or a row has something else there.
    """
    names = column_names(path)
    columns = (*COLUMNS[:-1], _ONE if _ONE in names else COLUMNS[-1])
    check_names(path, names, columns)  # three columns without a header are anything
    rows = read_table(path, columns, named=("id",))
    return [
        (_id(row, number), row.text("question"), row.text("context"), _answers(row, columns[-1]))
        for number, row in enumerate(rows, 1)
    ]


def _id(row: Row, number: int) -> str:
    value = row.cells.get("id")
    return str(number) if value is None else str(value)


def _answers(row: Row, column: str) -> tuple[str, ...]:
    found = _texts(row.cells[column])
    if found is None:
        raise DataError(
            f"{row.where}: {column} is {row.cells[column]!r}, expected a text or a list of texts: "
            "correct or remove the row"
        )
    return tuple(text for text in found if text.strip())


def _texts(value: Any) -> Sequence[str] | None:
    """Return the texts of a cell.

    >>> _texts({"text": ["Ada"], "answer_start": [0]}), _texts([{"text": "Ada"}]), _texts(None)
    (['Ada'], ['Ada'], [])
    """
    if isinstance(value, dict):
        value = value.get("text", 0)
    texts: Any = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(texts, list):
        return None
    plain: list[Any] = [text.get("text") if isinstance(text, dict) else text for text in texts]
    return plain if all(isinstance(text, str) for text in plain) else None
