"""Rows of text files, read one way by every command: txt, csv, tsv, json and jsonl.

A reader streams: it holds one row in memory, begins at any row whose place it gave before, and
answers for every row: what it says, or why it cannot be read (`BadRow`). Nothing is merged, cut or
left out unsaid: where a file can be understood in two ways, its bytes decide (`encoding`,
`dialect`, `layout`), and where they do not, the file is refused.
"""

from edge_distil.rows.delimited import Delimited
from edge_distil.rows.encoding import decode, read_text
from edge_distil.rows.json_rows import JsonRows, object_of_line
from edge_distil.rows.lines import Text, split_lines
from edge_distil.rows.row import (
    LONGEST,
    SAMPLE,
    BadRow,
    Column,
    Place,
    Table,
    Values,
    broken_character,
)

__all__ = [
    "LONGEST",
    "SAMPLE",
    "BadRow",
    "Column",
    "Delimited",
    "JsonRows",
    "Place",
    "Table",
    "Text",
    "Values",
    "broken_character",
    "decode",
    "object_of_line",
    "read_text",
    "split_lines",
]
