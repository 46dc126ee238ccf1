"""What is said of files that hold no rows of text, and of names that no output can have."""

from __future__ import annotations

import json
from pathlib import Path

import pandas
import pytest

from edge_distil.errors import InputError
from edge_distil_apps.embed.rows import Row
from edge_distil_apps.embed.sources import open_source

FRAME = pandas.DataFrame({"id": [1, 2], "text": ["a ship", "a lamp"]})


def refusal(path: Path, **options: list[str]) -> str:
    with pytest.raises(InputError) as caught:
        open_source(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rows(path: Path) -> list[Row]:
    source = open_source(path)
    return [row for _, found in source.read_all(list(source.shards())) for row in found]


@pytest.mark.parametrize("columns", [["id", "text"], ["id", "body"]])
@pytest.mark.parametrize("orient", ["columns", "index", "list"])
def test_columns_for_rows_are_named_with_what_makes_rows(
    tmp_path: Path, orient: str, columns: list[str]
) -> None:
    """`to_json(path)` without more is what a user of pandas types."""
    path = tmp_path / "a.json"
    frame = FRAME.set_axis(columns, axis=1)
    if orient == "list":
        path.write_text(json.dumps(frame.to_dict("list")))
    else:
        frame.to_json(path, orient=orient)
    assert "one object a row (pandas: orient='records')" in refusal(path)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.jsonl", "hello\nworld\n", "the first is not valid JSON"),
        ("a.json", "id,text\n1,a\n", "the first is not valid JSON"),
        ("a.json", '[["a", 1], ["b", 2]]', "the first is a JSON list"),
        ("a.json", FRAME.to_json(orient="split"), "the first is a JSON list"),
        ("a.json", FRAME.to_json(orient="values"), "the first is a JSON list"),
        ("a.jsonl", '{"id": 1}\n{"id": 2}\n', "only the columns 'id'"),
    ],
)
def test_rows_without_text_are_named_by_the_first(
    tmp_path: Path, name: str, data: str, reason: str
) -> None:
    path = tmp_path / name
    path.write_text(data)
    assert reason in refusal(path)


@pytest.mark.parametrize(
    ("name", "data", "keep"),
    [
        ("a.csv", "id,café,text\n1,x,y\n".encode("latin-1"), "caf\udce9"),
        ("a.jsonl", b'{"a\\ud800": 1, "text": "x"}\n', "a\ud800"),
    ],
)
def test_a_name_that_is_no_text_is_refused_before_the_work(
    tmp_path: Path, name: str, data: bytes, keep: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert "name" in refusal(path, keep=[keep])
    assert [row.problem for row in rows(path)] == [None]


def test_a_number_that_python_cannot_hold_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "x": ' + "9" * 6000 + '}\n{"text": 5}\n{"text": "b"}\n')
    long, number, _ = (row.problem for row in rows(path))
    assert long == "is not valid JSON: it has an integer of more than 4300 digits"
    assert number == "the text is an int (5), expected text"
