"""How an input is read, where its name does not say it; and in words, so that a person sees it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

from edge_distil.rows import Delimited, JsonRows, decode, object_of_line, split_lines
from edge_distil_apps.embed.documents import ENDINGS
from edge_distil_apps.embed.parquet import Parquet
from edge_distil_apps.embed.sources import FORMATS, Source

# What is called by the suffix that a file of it has.
INPUT_FORMATS = tuple(suffix.removeprefix(".") for suffix in FORMATS)
_DEFAULT = "text"
_LIST = re.compile(r'\[\s*[{"]')
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_WORDS = {
    ".txt": "text, a text a line", ".json": "JSON", ".jsonl": "JSON lines", ".ndjson": "JSON lines",
    ".parquet": "Parquet", **dict.fromkeys(ENDINGS, "documents, a passage a row"),
}  # fmt: skip
_SHOWN, _LONGEST = 6, 40  # columns in a line, and characters of each


def recognise(data: bytes, column: str | None) -> str:
    r"""Tell what came on stdin; returns the suffix that a file of it would have.

    JSON and Parquet show by themselves. Delimited values do where the first line names the column
    of the texts: other lines with commas are texts.

    Args:
        data: All of it.
        column: The name of the column that is asked for.

    >>> recognise(b'{"text": "a"}\n', None), recognise(b"id,text\n1,a\n", None)
    ('.jsonl', '.csv')
    >>> recognise(b"Come, see\n", None)
    '.txt'
    """
    if data.startswith(b"PAR1"):
        return ".parquet"
    text = decode(data, "stdin")
    first = next((line for line in split_lines(text) if line.strip()), "").strip()
    if first.startswith("{"):
        return ".jsonl" if isinstance(object_of_line(first), dict) or _is_json(text) else ".txt"
    if _LIST.match(text.lstrip()):
        return ".json" if _is_json(text) else ".txt"
    for delimiter in _DELIMITERS:
        fields = next(csv.reader([first], delimiter=delimiter), [])
        if len(fields) > 1 and (column or _DEFAULT) in fields:
            return ".tsv" if delimiter == "\t" else ".csv"
    return ".txt"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_evident(source: Source, column: str | None) -> bool:
    """Say whether a file's name tells how it is read, and nothing was found out or guessed.

    Args:
        source: The source.
        column: The name of the column that is asked for.
    """
    table = source.tables[0]
    named = Path(table.path).suffix.lower() in _WORDS and not isinstance(table, Delimited)
    return named and (column is not None or source.column == _DEFAULT)


def describe(source: Source, suffix: str) -> str:
    """Say how a source is read.

    Args:
        source: The source.
        suffix: What its format was called, where its name does not say it.
    """
    table = source.tables[0]
    column = f"texts of column {source.column!r}"
    if not isinstance(table, Delimited):
        kind = _WORDS.get(suffix or Path(table.path).suffix.lower(), _WORDS[".txt"])
        return f"{kind}, {column}" if isinstance(table, JsonRows | Parquet) else kind
    names = ", ".join(column.name[:_LONGEST] for column in table.columns[:_SHOWN])
    names += ", ..." if len(table.columns) > _SHOWN else ""
    header = f"with the header {names}" if table.header else f"without a header (columns {names})"
    words = f"values with a {_DELIMITERS[table.delimiter]} between, {header}; {column}"
    if table.guessed:
        words += "; give --no-header if the first line is a row like the others"
    return words
