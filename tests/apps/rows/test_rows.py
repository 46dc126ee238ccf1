"""Every row in, every row out: each format as an independent reader or writer has it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from embed_corpus import everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from row_files import texts, write

from edge_distil.errors import DataError, EdgeDistilError, InputError
from edge_distil.evaluate.classification import read_labelled
from edge_distil_apps.embed.sources import open_source

QUICK = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Quotes, delimiters, and all that str.splitlines takes for the end of a line.
LETTERS = "ab 1\"',;|\té日😀\u2028\u2029\x85\x0b\x0c\x1c"
FIELDS = st.text(LETTERS, max_size=8)
PAIRS = st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=12)


# --- JSON -----------------------------------------------------------------------------------------

OBJECTS = [{"id": 1, "text": 'a "b"\n\u2028'}, {"id": 2, "text": "日 {["}, {"id": 3, "text": ""}]
LAYOUTS: dict[str, Callable[[list[dict[str, object]]], str]] = {
    "lines": lambda rows: "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows),
    "list": json.dumps,
    "pretty list": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False),
    "data": lambda rows: json.dumps({"version": [1, {"a": "data"}], "data": rows, "n": 3}),
    "pretty data": lambda rows: json.dumps({"data": rows, "x": {"y": [1]}}, indent=1),
    "jq": lambda rows: "".join(json.dumps(row, indent=2) + "\n" for row in rows),
    "one line": lambda rows: " ".join(map(json.dumps, rows)),
    "a row a line in a list": lambda rows: "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n",
}


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".ndjson"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [1, 3, 1500])
def test_json_however_it_lies(tmp_path: Path, suffix: str, layout: str, count: int) -> None:
    rows = [OBJECTS[n % 3] for n in range(count)]
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(LAYOUTS[layout](rows).encode(encoding))
        assert texts(path, rows=1000) == [row["text"] for row in rows]
        source = open_source(path, keep=["id"])
        shards = list(source.shards(1000))
        kept = [row.kept for shard in reversed(shards) for row in source.read(shard)]
        assert sorted(kept) == sorted((row["id"],) for row in rows)


@pytest.mark.parametrize("columns", ["list", "data"])
def test_eval_reads_the_same_json(tmp_path: Path, columns: str) -> None:
    rows: list[dict[str, object]] = [{"text": "a", "label": [0, "1"]}, {"text": "b", "label": 1}]
    path = write(tmp_path / "a.json", LAYOUTS[columns](rows))
    assert [(row.text, row.labels) for row in read_labelled(path)] == [
        ("a", ("0", "1")),
        ("b", ("1",)),
    ]


def test_rows_of_json_that_are_no_objects(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '["one", {"text": "two"}, 3, {"text": "x", "text": "y"}]')
    found = everything(open_source(path), 2)
    assert [row.text for row in found] == ["one", "two", None, None]
    assert [row.problem for row in found[2:]] == [
        "is a JSON int, expected an object",
        "has a key twice, expected each once",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('[{"text": "a"},\n{"text": "b"},\n', r"line 3 is not valid JSON \('?(the|Exp)"),
        ('[{"text": "a"},\n{"text": }]', "line 2 is not valid JSON"),
        ('[{"text": "a"}]\n[{"text": "b"}]', "none of the first rows"),
        ('{"data": [{"text": "a"}], "x": ', "not valid JSON"),
        ('{"rows": [{"text": "a"}]}', "only the columns 'rows'"),
        ('{"text": {"0": "a", "1": "b"}}', "holds text that can be read|holds no text"),
    ],
)
def test_documents_that_are_broken_or_no_rows(tmp_path: Path, data: str, message: str) -> None:
    path = write(tmp_path / "a.json", data)
    with pytest.raises(InputError, match=message):
        texts(path)


def test_a_first_line_that_is_broken_costs_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "cut\n{"text": "b"}\n{"text": "c"}\n')
    assert texts(path) == [None, "b", "c"]


# --- rows that are wrong --------------------------------------------------------------------------


def test_a_quote_that_is_never_closed_costs_its_line_alone(tmp_path: Path) -> None:
    data = 'id,text\n1,a\n2,"b\n3,c\n4,"d"\n5,"e ""f"" g\n6,h\n7,"i\nj"\n'
    path = write(tmp_path / "a.csv", data)
    found = everything(open_source(path), 2)
    good = [(row.line, row.text) for row in found if row.problem is None]
    assert good == [(2, "a"), (4, "c"), (5, "d"), (7, "h"), (8, "i\nj")]
    assert [(row.line, row.problem is None) for row in found if row.problem] == [
        (3, False),
        (6, False),
    ]


def test_columns_that_are_there_twice(tmp_path: Path) -> None:
    twice = write(tmp_path / "a.csv", "text,text,id,id\na,b,1,2\n")
    table = pa.table([["a"], ["b"], ["c"]], names=["text", "text", "id"])
    pq.write_table(table, tmp_path / "a.parquet")
    for path in (twice, tmp_path / "a.parquet"):
        with pytest.raises(InputError, match="has 2 columns 'text', expected one"):
            open_source(path)
    fine = pa.table([["a"], [1], [2]], names=["text", "n", "n"])
    pq.write_table(fine, tmp_path / "b.parquet")
    assert texts(tmp_path / "b.parquet") == ["a"]
    with pytest.raises(InputError, match="has 2 columns 'n', expected one"):
        open_source(tmp_path / "b.parquet", keep=["n"])
    assert texts(write(tmp_path / "b.csv", "text,n,n\na,1,2\n")) == ["a"]
    with pytest.raises(DataError, match="has 2 columns 'text', expected one"):
        read_labelled(write(tmp_path / "c.csv", "text,text,label\na,b,1\n"))


# --- Parquet --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()),
        pa.dictionary(pa.int32(), pa.large_string()),
    ],
)  # fmt: skip
def test_parquet_strings(tmp_path: Path, kind: pa.DataType) -> None:
    values = ["a", None, "日", "a", ""]
    table = pa.table({"n": list(range(5)), "body": pa.array(values, pa.string()).cast(kind)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    assert texts(tmp_path / "a.parquet") == values


@pytest.mark.parametrize(
    "values",
    [
        pa.nulls(2), pa.array([1, 2]), pa.array([["a"], ["b"]]), pa.array([{"t": "a"}, None]),
        pa.array([True, None]), pa.array([1.5, 2.5]),
    ],
)  # fmt: skip
def test_parquet_columns_without_text(tmp_path: Path, values: pa.Array) -> None:
    pq.write_table(pa.table({"text": values, "n": [1, 2]}), path := tmp_path / "a.parquet")
    with pytest.raises(InputError, match="holds no text"):
        open_source(path)
    pq.write_table(pa.table({"nested.a": ["x", "y"], "text": values}), path)
    assert texts(path, column="nested.a") == ["x", "y"]


# --- files of another kind ------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".tsv", ".jsonl", ".json", ""])
@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"\x1f\x8b\x08\0", r"compressed \(gzip\)"),
        (b"PK\x03\x04\x14\0", "a ZIP archive or a spreadsheet"),
        (b"PAR1\x15\x04", "is Parquet"),
        (b"ARROW1\0\0", "an Arrow file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        ("text\n".encode("utf-32"), "is UTF-32"),
        ("text\n".encode("utf-16-le"), "looks like UTF-16 without"),
        ("text\n".encode("utf-16-be"), "looks like UTF-16 without"),
        ("text\n".encode("utf-16") + b"\0", "ends within a character"),
    ],
)
def test_other_kinds_of_files_are_named(
    tmp_path: Path, suffix: str, head: bytes, message: str
) -> None:
    path = write(tmp_path / f"a{suffix}", head)
    with pytest.raises(EdgeDistilError, match=message):
        open_source(path)
    if suffix not in ("", ".jsonl"):
        with pytest.raises(DataError, match=message):
            read_labelled(path)


def test_a_web_page_in_the_place_of_a_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "<!DOCTYPE html>\n<html><body>404</body></html>\n")
    with pytest.raises(InputError, match="is a web page"):
        open_source(path)


LABELLED = st.lists(
    st.tuples(FIELDS.filter(str.strip), st.sampled_from(["0", "1", "good"])), min_size=1
)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "b.csv", "a.jsonl", "a.json"])
@QUICK
@given(rows=LABELLED)
def test_eval_and_embed_agree(tmp_path: Path, name: str, rows: list[tuple[str, str]]) -> None:
    path = tmp_path / name
    if path.suffix.startswith(".json"):
        objects: list[dict[str, object]] = [{"text": t, "label": label} for t, label in rows]
        write(path, LAYOUTS["lines" if path.suffix == ".jsonl" else "pretty list"](objects))
    else:
        delimiter = {"a.csv": ",", "b.csv": ";"}.get(name, "\t")
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows([("text", "label"), *rows])
    assert texts(path) == [text for text, _ in rows]
    assert [(row.text, row.labels) for row in read_labelled(path)] == [
        (text, (label,)) for text, label in rows
    ]
