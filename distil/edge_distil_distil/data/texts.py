"""Texts without labels out of many kinds of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from edge_distil.errors import DataError, reason
from edge_distil.evaluate.files import TABLE_SUFFIXES, read_table
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.evaluate.sts import read_pairs
from edge_distil.rows import BadRow, Text

_KINDS = "txt (a text a line), jsonl, json, csv, tsv, parquet, or SQuAD's JSON"


def read_texts(paths: Iterable[Path]) -> list[str]:
    """Read the texts of files, each once, in order.

    A table's column ``text`` counts, else ``sentence1`` and ``sentence2``; of a SQuAD file the
    contexts and questions.

    Raises:
        DataError: A file cannot be read, or there are no texts.
    """
    found = dict.fromkeys(
        text for path in paths for text in _texts(path) if text and not text.isspace()
    )
    if not found:
        raise DataError("the data has no texts, expected at least one: give another file")
    return list(found)


def _texts(path: Path) -> Iterator[str]:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        yield from _parquet(path)
    elif suffix == ".txt":
        for _, row in Text(path).rows(None, ("text",)):
            if isinstance(row, BadRow):
                raise DataError(f"{path}: a line {row}: correct or remove it")
            yield row[0]
    elif suffix in TABLE_SUFFIXES:
        yield from _of_table(path)
    else:
        raise DataError(f"{path} ends in {suffix or 'no suffix'!r}, expected {_KINDS}: rename it")


def _of_table(path: Path) -> Iterator[str]:
    if path.suffix.lower() == ".json":
        try:
            squad = read_squad(path)
        except DataError:
            pass
        else:
            for example in squad.examples:
                yield from (example.context, example.question)
            return
    try:
        pairs = read_pairs(path)
    except DataError:
        for row in read_table(path, ("text",), optional=("text_pair",)):
            yield row.text("text")
            if "text_pair" in row.cells:
                yield row.text("text_pair")
    else:
        for pair in pairs:
            yield from (pair.first, pair.second)


def _parquet(path: Path) -> Iterator[str]:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
        names = [n for n in ("text", "sentence1", "sentence2") if n in file.schema_arrow.names]
        if not names:
            raise DataError(
                f"{path} has the columns {', '.join(file.schema_arrow.names)}, expected text: "
                "rename the one that holds the texts"
            )
        for batch in file.iter_batches(columns=names):
            for name in names:
                yield from (value for value in batch.column(name).to_pylist() if value)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(
            f"{path} cannot be read as Parquet ({reason(error)}): fetch it again"
        ) from error
