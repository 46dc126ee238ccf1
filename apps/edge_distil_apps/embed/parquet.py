"""Parquet as a source of rows. The only reader of it; pyarrow is imported when one is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_distil._reading.printable import first_line
from edge_distil.errors import InputError
from edge_distil.rows import BadRow, Column, Place, Values
from edge_distil_apps.embed.rows import ROWS


class Parquet:
    """The columns of a Parquet file, read row group by row group.

    Args:
        path: The file.

    Raises:
        InputError: It is not a Parquet file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        file = _open(path)
        self._rows = file.metadata.num_rows
        self._schema = file.schema_arrow
        self.columns = tuple(Column(field.name, _is_text(field.type)) for field in self._schema)

    def places(self) -> Iterator[Place]:
        """Yield where each row begins; the file's footer says how many there are."""
        return ((row, 0) for row in range(self._rows))

    def types(self, names: Sequence[str]) -> list[Any]:
        """Return the Arrow types of columns."""
        return [self._schema.field(name).type for name in names]

    def rows(
        self, place: Place | None, need: Sequence[str], want: Sequence[str] = ()
    ) -> Iterator[tuple[Place, Values | BadRow]]:
        """Yield the rows from a place on; see `Table`. Values of `want` are arrays of one row."""
        first = place[0] if place else 0
        for number, batch in _batches(self.path, first, [*need, *want]):
            needed, wanted = ([batch.column(name) for name in names] for names in (need, want))
            for index in range(max(0, first - number), len(batch)):
                where = (number + index, 0)
                kept = tuple(column.slice(index, 1) for column in wanted)
                try:
                    values = [column[index].as_py() for column in needed]
                except UnicodeDecodeError as error:
                    yield where, BadRow(f"cannot be read as UTF-8 text ({error.reason})", kept)
                else:
                    yield where, (*values, *kept)


def _batches(path: Path, first: int, columns: list[str]) -> Iterator[tuple[int, Any]]:
    """Yield batches and the number of their first row, from the row group of row `first` on."""
    file, group, number = _open(path), 0, 0
    groups = file.metadata.num_row_groups
    while group < groups and number + file.metadata.row_group(group).num_rows <= first:
        number += file.metadata.row_group(group).num_rows
        group += 1
    wanted = list(dict.fromkeys(columns))
    batches = file.iter_batches(
        ROWS, row_groups=list(range(group, groups)), columns=wanted, use_threads=False
    )
    with _reading(path):
        for batch in batches:
            if number + len(batch) > first:
                yield number, batch
            number += len(batch)


def spare_memory() -> None:
    """Have Arrow use the system's allocator, which it asks for when it is first imported.

    Its own keeps what it frees: 25 MB more beside a model of 23 MB.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _open(path: Path) -> Any:
    spare_memory()
    with _reading(path):
        import pyarrow.parquet as pq

        # without pre_buffer a row group is read page by page, not whole
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Put what Arrow says of a damaged or foreign file into one line."""
    from pyarrow.lib import ArrowException

    try:
        yield
    except (ArrowException, OSError) as error:
        reason = first_line(error)
        raise InputError(f"{path} cannot be read as Parquet ({reason}): write it again") from error


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    value = kind.value_type if types.is_dictionary(kind) else kind
    return bool(
        types.is_string(value) or types.is_large_string(value) or types.is_string_view(value)
    )
