"""Tabs, commas and lines: every row in, every row out, as an independent writer has it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from embed_corpus import everything
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from row_files import texts, write

from edge_distil.errors import InputError
from edge_distil.evaluate.classification import read_labelled
from edge_distil_apps.embed.sources import open_source

QUICK = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Quotes, delimiters, and all that str.splitlines takes for the end of a line.
LETTERS = "ab 1\"',;|\té日😀\u2028\u2029\x85\x0b\x0c\x1c"
FIELDS = st.text(LETTERS, max_size=8)
PAIRS = st.lists(st.tuples(FIELDS, FIELDS), min_size=1, max_size=12)


# --- tabs: quotes are characters, or syntax -------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (['1\t"a', "2\tb", '3\tc"', "4\td"], ['"a', "b", 'c"', "d"]),  # opened, closed later
        (['1\t"a', "2\tb"], ['"a', "b"]),  # never closed
        (['1\t"fine" film', "2\tb"], ['"fine" film', "b"]),
        (['1\tthe "fine" film', '2\t"whole"'], ['the "fine" film', '"whole"']),
        (['1\t"I am."', "2\tYou are."], ['"I am."', "You are."]),  # needless: no writer's
        (['1\t"I ""am"""', "2\tYou are."], ['I "am"', "You are."]),  # a writer's
        (['1\t"tab\there"', "2\tb"], ["tab\there", "b"]),
        (['1\t"two\nlines"', "2\tb"], ["two\nlines", "b"]),
        (['"1"\t"a"', '"2"\t"b"'], ["a", "b"]),  # everything quoted
        (['1\t"a"', '2\t"b"'], ["a", "b"]),  # all texts quoted, as R writes them
    ],
)
def test_quotes_in_tab_separated_files(
    tmp_path: Path, rows: list[str], expected: list[str]
) -> None:
    all_quoted = all(row.partition("\t")[2].startswith('"') for row in rows)
    header = '"id"\t"text"' if all_quoted else "id\ttext"
    path = write(tmp_path / "a.tsv", "\n".join([header, *rows]) + "\n")
    assert texts(path) == expected
    names = "text\tlabel" if not all_quoted else '"text"\t"label"'
    turned = ["\t".join(reversed(row.split("\t", 1))) for row in rows]
    labelled = write(tmp_path / "b.tsv", "\n".join([names, *turned]) + "\n")
    assert [row.text for row in read_labelled(labelled)] == expected  # eval agrees


def test_one_column_whose_quotes_close_on_another_line_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", 'text\n"one\ntwo"\nthree\n')
    with pytest.raises(InputError, match=r"line 2 opens a quote that another line closes"):
        open_source(path)
    assert texts(write(tmp_path / "b.tsv", 'text\n"one ""1""\ntwo"\nthree\n')) == [
        'one "1"\ntwo',
        "three",
    ]


@QUICK
@given(pairs=PAIRS)
@example(pairs=[("a", '"')])
def test_raw_tabs_come_back_as_they_are(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    clean = [(a.replace("\t", " "), f"he said {b}".replace("\t", " ")) for a, b in pairs]
    clean.append(('"odd', 'a "b" c'))  # no csv writer leaves these bare
    data = "".join(f"{a}\t{b}\n" for a, b in [("id", "text"), *clean])
    assert texts(write(tmp_path / "a.tsv", data)) == [b for _, b in clean]


# --- delimiters, ends of lines, encodings ---------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=st.lists(st.tuples(FIELDS, st.text(LETTERS + "\n", max_size=8)), min_size=1))
def test_what_a_csv_writer_writes_comes_back(
    tmp_path: Path, encoding: str, end: str, delimiter: str, pairs: list[tuple[str, str]]
) -> None:
    pairs = [(a, b.replace("\n", end)) for a, b in pairs]  # another end would not be quoted
    pairs.append(("z", "a\tb"))  # else tabs within two lines look like rows that are not quoted
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerows([("id", "text"), *pairs])
    path = tmp_path / "a.csv"
    path.write_bytes(file.getvalue().encode(encoding))
    assert texts(path) == [b for _, b in pairs]
    assert [r.kept for r in everything(open_source(path, keep=["id"]), 2)] == [
        (a,) for a, _ in pairs
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_pandas_reads_the_same(tmp_path: Path, delimiter: str) -> None:
    frame = pd.DataFrame({"n": [1, 2, 3], "text": ['a "b"', "c\nd", "e, f; g | h"]})
    frame.to_csv(tmp_path / "a.csv", sep=delimiter)  # its index has a column without a name
    assert texts(tmp_path / "a.csv") == frame["text"].to_list()
    frame[["n", "text"]].rename(columns={"text": "body"}).to_csv(
        tmp_path / "b.csv", sep=delimiter, index=False
    )
    assert texts(tmp_path / "b.csv") == frame["text"].to_list()  # the only column that is text


def test_excel_names_its_delimiter(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "a.csv", "sep=;\r\nid;text\r\n1;a, b\r\n")) == ["a, b"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a\u2028b\nc\x0cd\x0be\x85f\n", ["a\u2028b", "c\x0cd\x0be\x85f"]),
        ("a\rb\rc", ["a", "b", "c"]),
        ("a\rb\r\nc\n\nd\r\n", ["a\rb", "c", "", "d"]),
        ("a\0b\nc\n", ["a\0b", "c"]),
    ],
)
def test_lines(tmp_path: Path, data: str, expected: list[str]) -> None:
    assert texts(write(tmp_path / "a.txt", data)) == expected
    assert texts(write(tmp_path / "b.txt", data.encode("utf-16"))) == expected
    be = b"\xfe\xff" + data.encode("utf-16-be")
    assert texts(write(tmp_path / "c.txt", be)) == expected


def test_mixed_ends_of_rows(tmp_path: Path) -> None:
    data = "id,text\r1,a\n2,b\r\n3,c\r4,d"
    with io.StringIO(data, newline="") as file:
        expected = [row["text"] for row in csv.DictReader(file)]
    assert texts(write(tmp_path / "a.csv", data)) == expected == ["a", "b", "c", "d"]


# --- header or none -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "column", "expected"),
    [
        ("a fine film\t1\na dull one\t0\n", "1", ["a fine film", "a dull one"]),
        ("a ship sails on.\na lamp burns.\n", "1", ["a ship sails on.", "a lamp burns."]),
        ("id,body\n1,a\n2,b\n", "body", ["a", "b"]),
        ("Review\nGood\n", "Review", ["Good"]),
        (",body\n0,a\n1,b\n", "body", ["a", "b"]),
        ("text\n1\n2\n", "text", ["1", "2"]),
    ],
)
def test_a_first_row_that_is_no_header_is_a_row(
    tmp_path: Path, data: str, column: str, expected: list[str]
) -> None:
    source = open_source(write(tmp_path / "a.csv", data))
    assert source.column == column
    assert [row.text for row in everything(source, 2)] == expected
