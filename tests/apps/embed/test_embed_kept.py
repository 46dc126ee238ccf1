"""Kept columns: numbers, booleans and nulls of JSON stay what they are, of bad rows as well."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq
import pytest
from command import Command

from edge_distil_apps.embed import ROWS

ROW = {"n": 1, "x": 0.5, "ok": True, "name": "é", "none": None, "some": 3, "big": 1 << 60}
NAMES = list(ROW)


def embed(edge_distil: Command, bundle: Path, rows: list[Any], folder: Path, *more: str) -> Any:
    """Embed rows of JSON and return the table."""
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ["embed", bundle, file, "--column", "text", *more, "-o", folder / "v.parquet"]
    done = edge_distil(*words, "--force")
    assert done.status == 0, done.err
    return pq.read_table(folder / "v.parquet")


def test_types_are_those_that_arrow_reads(
    edge_distil: Command, embedding: Path, tmp_path: Path
) -> None:
    """The original: what pyarrow makes of the same file."""
    rows = [{"text": "storm", **ROW, "n": n, "ok": n % 2 == 0} for n in range(ROWS + 3)]
    rows[5]["some"] = rows[7]["ok"] = rows[8]["x"] = None
    del rows[6]["n"], rows[6]["name"]
    rows[9]["x"] = 2  # an integer among fractions
    table = embed(edge_distil, embedding, rows, tmp_path, "--keep", ",".join(NAMES))
    expected = pyarrow.json.read_json(tmp_path / "rows.jsonl")
    for name in NAMES:
        if name != "none":
            assert table[name].type == expected[name].type, name
        assert table[name].to_pylist() == expected[name].to_pylist(), name


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, "a", None], pa.string(), ["1", "a", None]),
        ([True, 1], pa.string(), ["true", "1"]),
        ([[1, {"a": None}], "b"], pa.string(), ['[1, {"a": null}]', "b"]),
        ([1 << 70, 1], pa.string(), [str(1 << 70), "1"]),
        ([(1 << 53) + 1, 0.5], pa.string(), [str((1 << 53) + 1), "0.5"]),
        ([1 << 53, 0.5], pa.float64(), [float(1 << 53), 0.5]),
    ],
)
def test_what_has_no_type_in_common_is_text(
    values: list[Any], kind: Any, found: list[Any], edge_distil: Command, embedding: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    rows = [{"text": "storm", "v": value} for value in values]
    table = embed(edge_distil, embedding, rows, tmp_path, "--keep", "v")
    assert (table["v"].type, table["v"].to_pylist()) == (kind, found)


def test_bad_rows_keep_their_columns(edge_distil: Command, embedding: Path, tmp_path: Path) -> None:
    rows = [{"text": "storm", "id": 1}, {"id": 2}, {"text": None, "id": 3}, {"text": 4, "id": 4}]
    table = embed(edge_distil, embedding, rows, tmp_path, "--keep", "id")
    assert table["id"].to_pylist() == [1, 2, 3, 4]
    assert [vector is None for vector in table["embedding"].to_pylist()] == [False, *[True] * 3]


def test_bad_rows_of_parquet_keep_theirs(
    edge_distil: Command, embedding: Path, tmp_path: Path
) -> None:
    broken = pa.array([b"storm", b"\xff", b"lamp"]).view(pa.string())
    pq.write_table(pa.table({"text": broken, "id": [1, 2, 3]}), tmp_path / "t.parquet")
    words = ["embed", embedding, tmp_path / "t.parquet", "--keep", "id"]
    assert edge_distil(*words, "-o", tmp_path / "v.parquet").status == 0
    assert pq.read_table(tmp_path / "v.parquet")["id"].to_pylist() == [1, 2, 3]
