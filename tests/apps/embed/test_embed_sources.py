"""What `edge-distil embed` reads, against what csv, json and pyarrow read."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from embed_corpus import everything
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rights import without_rights

from edge_distil.errors import InputError
from edge_distil.rows import LONGEST
from edge_distil_apps.embed.sources import open_source

# Quotes, separators and everything that str.splitlines takes for the end of a line.
AWKWARD = "a\"',;\t\\{}  é日😀\ufeff\u2028\u2029\x85\x0b\x0c\x1c\x00"
TEXTS = st.lists(st.text(AWKWARD + "xyz 123", max_size=12), min_size=1, max_size=40)
LINES = st.lists(st.text(AWKWARD + "\n", max_size=12), min_size=1, max_size=40)


def write_txt(path: Path, texts: list[str], end: str) -> None:
    path.write_bytes("".join(text + end for text in texts).encode())


def write_jsonl(path: Path, texts: list[str], end: str) -> None:
    rows = (json.dumps({"id": i, "text": t}, ensure_ascii=i % 2 == 0) for i, t in enumerate(texts))
    path.write_bytes("".join(row + end for row in rows).encode())


def write_csv(path: Path, texts: list[str], end: str) -> None:
    file = io.StringIO()
    delimiter = "\t" if path.suffix == ".tsv" else ","
    writer = csv.writer(file, lineterminator=end, delimiter=delimiter)
    writer.writerows([["id", "text"], *([i, t] for i, t in enumerate(texts))])
    path.write_bytes(file.getvalue().encode())


def write_parquet(path: Path, texts: list[str], end: str) -> None:
    table = pa.table({"id": list(range(len(texts))), "text": texts})
    pq.write_table(table, path, row_group_size=len(end) * 3)


FORMATS: dict[str, Callable[[Path, list[str], str], None]] = {
    ".txt": write_txt,
    ".jsonl": write_jsonl,
    ".csv": write_csv,
    ".tsv": write_csv,
    ".parquet": write_parquet,
}


def make_words(count: int) -> list[str]:
    generator = random.Random(3)
    return [f"{generator.random()}" for _ in range(count)]


@pytest.mark.parametrize("suffix", FORMATS)
@given(texts=TEXTS, rows=st.integers(1, 12), end=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_shards_cover_every_row_once(
    tmp_path: Path, suffix: str, texts: list[str], rows: int, end: str, bom: bool
) -> None:
    path = tmp_path / f"texts{suffix}"
    if suffix == ".txt" and texts[0].startswith("\ufeff"):
        texts[0] = "a" + texts[0]  # there it would be a byte order mark
    FORMATS[suffix](path, texts, end)
    if bom and suffix != ".parquet":
        path.write_bytes("\ufeff".encode() + path.read_bytes())
    found = everything(open_source(path), rows)
    assert [row.text for row in found] == texts
    assert [row.number for row in found] == list(range(1, len(texts) + 1))


@given(texts=LINES, rows=st.integers(1, 7), end=st.sampled_from(["\n", "\r\n"]))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_csv_fields_span_lines_as_csv_reads_them(
    tmp_path: Path, texts: list[str], rows: int, end: str
) -> None:
    path = tmp_path / "texts.csv"
    write_csv(path, texts, end)
    with path.open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    found = everything(open_source(path, keep=["id"]), rows)
    assert [row.text for row in found] == [row["text"] for row in expected]
    assert [row.kept for row in found] == [(row["id"],) for row in expected]
    with path.open("rb") as lines:  # the line that is named is the one where the row begins
        starts = lines.read().split(b"\n")
    assert all(starts[row.line - 1].startswith(f"{row.number - 1},".encode()) for row in found)


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    for data, texts in [
        (b"one\ntwo", ["one", "two"]),
        (b"one\n\n", ["one", ""]),
        (b"\r\n\rone\r\r\n", ["", "\rone\r"]),
    ]:
        path.write_bytes(data)
        assert [row.text for row in everything(open_source(path), 2)] == texts


def test_kept_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": "a", "id": 1, "tags": ["é"]}, {"text": "b", "id": "x"}]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    found = everything(open_source(path, keep=["id", "tags", "text"]), 2)
    assert [row.kept for row in found] == [(1, ["é"], "a"), ("x", None, "b")]


def test_directories_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    table = pa.table({"text": [f"text {n}" for n in range(25)], "other": pa.array(range(25))})
    for name, (start, count) in {"b": (10, 0), "a": (0, 10), "c": (10, 15)}.items():
        pq.write_table(table.slice(start, count), tmp_path / f"{name}.parquet", row_group_size=4)
    found = everything(open_source(tmp_path), 7)
    assert [row.text for row in found] == table["text"].to_pylist()
    (tmp_path / "d.csv").write_text("text\none\n")
    with pytest.raises(InputError, match=r"\.csv and \.parquet"):
        open_source(tmp_path)


def test_parquet_texts_of_any_encoding_of_strings(tmp_path: Path) -> None:
    texts = ["a", None, "b", "a"]
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
    for kind in kinds:
        pq.write_table(pa.table({"body": pa.array(texts, kind)}), tmp_path / "t.parquet")
        found = everything(open_source(tmp_path / "t.parquet"), 3)
        assert [row.text for row in found] == texts
        assert found[1].problem == "the text is null, expected text"


BAD_JSON = [
    ('{"text": "fine"}', None),
    ('{"text": "cut', "is not valid JSON: Unterminated string starting at (character 10)"),
    ("[1, 2]", "is a JSON list, expected an object"),
    ('{"body": "x"}', "has no key 'text', only body"),
    ('{"text": null}', "the text is null, expected text"),
    ('{"text": 12}', "the text is an int (12), expected text"),
    ('{"text": "\\ud83d"}', "has half a surrogate pair (U+D83D) at character 1"),
    ('{"text": "\\ud83d\\ude00"}', None),
    ("[" * 100_000, "is not valid JSON"),
    ('{"text": ""}', None),
]


def test_bad_json_rows_are_named_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n\n".join(line for line, _ in BAD_JSON))  # blank lines are no rows
    found = everything(open_source(path), 4)
    assert len(found) == len(BAD_JSON)
    for index, (row, (_, problem)) in enumerate(zip(found, BAD_JSON, strict=True)):
        assert (row.number, row.line) == (index + 1, 2 * index + 1)
        assert (row.text is None) == (problem is not None)
        assert (row.problem or "").startswith(problem or "")


def test_bad_csv_rows_are_named_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(
        b'id,text\n1,fine\n2\n3,a,b\n\n4,"two\nlines"\n5,caf\xe9\n6,"a"b\n7,fine\n'
        b'8,"never closed\n9,x\n'
    )
    found = everything(open_source(path), 2)
    assert [(row.number, row.line, row.text) for row in found] == [
        (1, 2, "fine"), (2, 3, None), (3, 4, None), (4, 6, "two\nlines"), (5, 8, None),
        (6, 9, None), (7, 10, "fine"), (8, 11, None), (9, 12, "x"),
    ]  # fmt: skip
    problems = [row.problem for row in found if row.problem]
    for problem, part in zip(
        problems,
        ["has 1 field, expected 2", "has 3 fields", "(byte 0xe9 at character 4)",
         "',' expected after '\"'", "unexpected end of data (line 12)"],
        strict=True,
    ):  # fmt: skip
        assert part in problem


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"one\ncaf\xe9\ntwo\n")
    found = everything(open_source(tmp_path / "t.txt"), 2)
    assert [row.text for row in found] == ["one", None, "two"]
    assert found[1].problem == "cannot be read as UTF-8 text (byte 0xe9 at character 4)"
    array = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xe9")]
    )
    pq.write_table(pa.table({"text": array}), tmp_path / "t.parquet")
    found = everything(open_source(tmp_path / "t.parquet"), 1)
    assert [row.text for row in found] == ["a", None]
    assert "cannot be read as UTF-8" in str(found[1].problem)


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl"])
def test_a_row_of_any_length_that_fits(tmp_path: Path, suffix: str) -> None:
    long, longest = "word " * 100_000, "x" * LONGEST
    FORMATS[suffix](path := tmp_path / f"long{suffix}", ["a", long, longest, "b"], "\n")
    found = everything(open_source(path), 2)
    assert [row.text for row in found] == ["a", long, None, "b"]
    assert found[2].problem == "is longer than 16 MiB, the longest row that is read"


def test_the_column_is_named_or_clear(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("title,body\nA,one\n")
    with pytest.raises(
        InputError, match="several columns of text: name one, --column 'title', 'body'"
    ):
        open_source(path)
    with pytest.raises(InputError, match="has no column 'boddy': choose from 'title', 'body'"):
        open_source(path, column="boddy")
    with pytest.raises(InputError, match="has no column 'id'"):
        open_source(path, column="body", keep=["id"])
    assert open_source(path, column="body").column == "body"
    pq.write_table(pa.table({"id": [1], "body": ["one"]}), table := tmp_path / "rows.parquet")
    assert open_source(table).column == "body"
    with pytest.raises(InputError, match=r"'id' .* holds no text: the columns of text are 'body'"):
        open_source(table, column="id")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.txt", b"", "is empty"),
        ("empty.jsonl", b"\n \n", "is empty"),
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"text\n", "is empty"),
        ("bad.parquet", b"PAR1", "cannot be read as Parquet"),
        ("no.jsonl", b"one\ntwo\n", "none of the first rows of"),
        ("utf16.txt", "text".encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
    ],
)
def test_files_that_hold_nothing(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        open_source(path)
    with pytest.raises(InputError, match="no file or directory"):
        open_source(tmp_path / "absent.txt")


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".parquet"])
def test_files_that_may_not_be_read(tmp_path: Path, suffix: str) -> None:
    FORMATS[suffix](path := tmp_path / f"t{suffix}", ["one"], "\n")
    path.chmod(0)
    with (
        without_rights(tmp_path),
        pytest.raises(InputError, match=r"cannot (be )?read.*Permission denied"),
    ):
        open_source(path)


def test_damaged_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": make_words(5000)}), path := tmp_path / "t.parquet")
    data = bytearray(path.read_bytes())
    data[100:5000] = bytes(4900)  # a page; the footer stays
    path.write_bytes(data)
    source = open_source(path)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        everything(source, 1000)
