"""What a file gives to a task, read as `eval` reads its files, and lines as those of stdin."""

from __future__ import annotations

from pathlib import Path

from edge_distil.evaluate.choices import choices_of
from edge_distil.evaluate.files import Row, read_table, read_text
from edge_distil.evaluate.squad_file import is_squad, read_questions
from edge_distil.rows import split_lines
from edge_distil_apps.cli.flow.given import ID, Fields, Given, of_line

_ROWS = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")


def read_file(path: Path, fields: Fields) -> list[Given]:
    """Return the inputs of a file.

    Args:
        path: Rows (.csv, .tsv, .json, .jsonl), SQuAD's JSON for questions, else lines as of stdin.
        fields: What a row holds.

    Raises:
        DataError: It cannot be read, holds nothing, or a row lacks something.
        InputError: A line lacks something.
    """
    if path.suffix.lower() not in _ROWS:
        lines = enumerate(split_lines(read_text(path)), 1)
        found = (of_line(line, f"line {n} of {path}", fields, jsonl=False) for n, line in lines)
        return [given for given in found if given is not None]
    if fields.both and not fields.many and is_squad(path):
        return [
            Given(one.where, (one.question, one.context), one.id) for one in read_questions(path)
        ]
    return [_of_row(row, fields) for row in _rows(path, fields)]


def _rows(path: Path, fields: Fields) -> list[Row]:
    if fields.second is None:
        return read_table(path, (fields.first,), named=(ID,))
    if fields.both:
        return read_table(path, (fields.first, fields.second), named=(ID,))
    return read_table(path, (fields.first,), optional=(fields.second,), named=(ID,))


def _of_row(row: Row, fields: Fields) -> Given:
    first = row.text(fields.first)
    if fields.second is None or fields.second not in row.cells:
        return Given(row.where, first, row.cells.get(ID))
    if fields.many:
        return Given(row.where, (first, choices_of(row)), row.cells.get(ID))
    return Given(row.where, (first, row.text(fields.second)), row.cells.get(ID))
