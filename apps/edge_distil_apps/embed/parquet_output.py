"""Embeddings as Parquet: the row's number, the columns that were kept, and the vector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from edge_distil.rows import JsonRows
from edge_distil_apps.embed.blocks import Block
from edge_distil_apps.embed.job import EMBEDDING, ROW
from edge_distil_apps.embed.parquet import Parquet
from edge_distil_apps.embed.rows import Row, Shard, as_text
from edge_distil_apps.embed.sources import Source

_EXACT = 1 << 53  # the greatest integer up to which float64 holds all


def write(
    path: Path, source: Source, shards: Sequence[Shard], found: Iterator[Block], kept: list[Any]
) -> None:
    """Write shards, each as a row group; a bad row's embedding is null.

    Args:
        path: The file.
        source: The input; it is read again where columns are kept.
        shards: The shards.
        found: Their vectors.
        kept: What `kept_fields` says of all shards of the output.
    """
    rows = source.read_all(shards) if kept else iter(())
    writer: Any = None
    try:
        for block in found:
            _, read = next(rows) if kept else (None, [])
            table = _table(block, kept, read)
            if writer is None:
                # vectors do not repeat: a dictionary of them would be as large as they are
                dictionaries = [field.name for field in kept] or False
                writer = pq.ParquetWriter(path, table.schema, use_dictionary=dictionaries)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _table(block: Block, kept: list[Any], rows: list[Row]) -> Any:
    first, count = block.shard.first, block.shard.rows
    columns = {ROW: _numbers(np.arange(first, first + count))}
    for index, field in enumerate(kept):
        columns[field.name] = _kept([row.kept[index] if row.kept else None for row in rows], field)
    bad = np.packbits(~block.good, bitorder="little")
    columns[EMBEDDING] = pa.FixedSizeListArray.from_arrays(
        _numbers(block.vectors.reshape(-1)),
        block.vectors.shape[1],
        mask=pa.Array.from_buffers(pa.bool_(), count, [None, pa.py_buffer(bad)]),
    )
    return pa.table(columns)


def _numbers(values: NDArray[Any]) -> Any:
    """Wrap numbers ``(n,)``; `pyarrow.array` would import pandas, which takes 60 MB."""
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _kept(values: list[Any], field: Any) -> Any:
    """Make a column of JSON's values, or of the one-row arrays that come out of Parquet."""
    if all(value is None for value in values):
        return pa.nulls(len(values), field.type)
    if any(isinstance(value, pa.Array) for value in values):
        absent = pa.nulls(1, field.type)
        return pa.concat_arrays([absent if value is None else value for value in values])
    if field.type != pa.string():
        return _plain(values, field.type)
    strings = pa.lib.StringBuilder()
    strings.append_values([as_text(value) for value in values])
    return strings.finish()


def _plain(values: list[Any], kind: Any) -> Any:
    """Make a column of numbers or booleans, some of which may be null."""
    filled = [0 if value is None else value for value in values]
    if kind == pa.bool_():
        data = np.packbits(np.array(filled, bool), bitorder="little")
    else:
        data = np.array(filled, np.int64 if kind == pa.int64() else np.float64)
    there = np.packbits([value is not None for value in values], bitorder="little")
    buffers = [pa.py_buffer(there), pa.py_buffer(data)]
    return pa.Array.from_buffers(kind, len(values), buffers)


def kept_fields(source: Source, shards: Sequence[Shard]) -> list[Any]:
    """Return the Arrow fields of the kept columns: Parquet's own, JSON's, else strings.

    Values of JSON stay numbers or booleans where all of a column are; integers and fractions are
    fractions where that changes none of them. Other columns are strings, with JSON for the rest.
    """
    first = source.tables[0]
    if isinstance(first, Parquet):
        types = first.types(source.keep)
    elif isinstance(first, JsonRows) and source.keep:
        found: list[set[str]] = [set() for _ in source.keep]
        for _, rows in source.read_all(shards):
            for row in rows:
                for kinds, value in zip(found, row.kept, strict=False):  # a bad row may have none
                    kinds.add(_kind(value))
        types = [_type(kinds - {"null"}) for kinds in found]
    else:
        types = [pa.string()] * len(source.keep)
    return [pa.field(name, kind) for name, kind in zip(source.keep, types, strict=True)]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) <= _EXACT:
            return "int"
        return "long" if -(1 << 63) <= value < 1 << 63 else "text"
    return {bool: "bool", float: "float"}.get(type(value), "text")


def _type(kinds: set[str]) -> Any:
    if kinds == {"bool"}:
        return pa.bool_()
    if kinds and kinds <= {"int", "long"}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {"int", "float"} else pa.string()
