"""Every wrong file gives one clear line that names the file and the place in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_distil.errors import DataError
from edge_distil.evaluate.classification import read_labelled
from edge_distil.evaluate.spans import read_conll
from edge_distil.evaluate.squad import read_squad
from edge_distil.evaluate.sts import read_pairs

READERS = [
    (read_squad, "a.json"),
    (read_pairs, "a.csv"),
    (read_labelled, "a.tsv"),
    (read_conll, "a.conll"),
]
GOOD_QUESTION = {"id": "1", "question": "Who?", "answers": [{"text": "I", "answer_start": 0}]}


def complaint(read: Callable[[Path], Any], path: Path, content: str | bytes) -> str:
    """The message for `content`, after checking what all messages must have."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(("read", "name"), READERS)
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\x89PNG\r\n\x1a\n", "is a PNG image"),
        (b"\x80abc\n", "byte 0x80"),
        ("caf\u00e9\t1\n".encode("latin-1"), "byte 0xe9 at"),
        ("text\t1\n".encode("utf-16-le"), "looks like UTF-16"),
    ],
)
def test_empty_and_binary(
    read: Callable[[Path], Any], name: str, content: bytes, expected: str, tmp_path: Path
) -> None:
    assert expected in complaint(read, tmp_path / name, content)


@pytest.mark.parametrize(("read", "name"), READERS)
def test_no_such_file(read: Callable[[Path], Any], name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="cannot read"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"data": [', "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1, 2]", "has list, expected an object with a list 'data'"),
        ("{}", "has no keys"),
        ('{"rows": []}', "has keys rows"),
        ('{"data": {}}', "list 'data'"),
        ('{"data": []}', "no questions"),
        ('{"data": [{"title": "x"}]}', "data[0] has keys title"),
        ('{"data": [{"paragraphs": [{"context": "I am."}]}]}', "data[0].paragraphs[0] has"),
        ('{"data": [{"paragraphs": [{"context": "I am.", "qas": [7]}]}]}', "qas[0] has int"),
    ],
)
def test_squad_of_another_shape(content: str, expected: str, tmp_path: Path) -> None:
    assert expected in complaint(read_squad, tmp_path / "a.json", content)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": 7}, "qas[1] has a value that is missing or not text"),
        ({"question": None}, "qas[1] has a value"),
        ({"answers": ["I"]}, "qas[1] has a value"),
        ({"answers": [{"start": 1}]}, "qas[1] has a value"),
        ({"answers": None}, "qas[1] has keys id, question, answers, expected"),
        ({"answers": []}, "no answers for question '2'"),
        ({"id": "1"}, "repeats the id '1'"),
    ],
)
def test_squad_with_a_wrong_question(change: dict[str, Any], expected: str, tmp_path: Path) -> None:
    questions = [GOOD_QUESTION, {**GOOD_QUESTION, "id": "2", **change}]
    document = {"version": "1.1", "data": [{"paragraphs": [{"context": "I", "qas": questions}]}]}
    assert expected in complaint(read_squad, tmp_path / "a.json", json.dumps(document))


@pytest.mark.parametrize("value", ["", "high", "nan", "inf", "1,5"])
def test_a_score_that_is_no_number(value: str, tmp_path: Path) -> None:
    content = f'A man.,A men.,5.0\n"A, b.",C.,4\nA.,B.,"{value}"\n'
    message = complaint(read_pairs, tmp_path / "a.csv", content)
    assert f"a.csv, line 3: the score is {value!r}" in message


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "A.,B.,5.0\nA.,B.\n", "line 2 has 2 fields, expected 3"),
        ("a.csv", "A. B. 5.0\n", "line 1 has 1 field, expected 3"),
        ("a.csv", 'A.,B.,1\n"A.,B.,5.0\n', "line 2 is not valid CSV"),
        ("a.csv", "sentence1,sentence2,score\n", "a header but no rows"),
        ("a.csv", 'A.,"  ",5.0\n', "line 1: sentence2 is '  '"),
        ("a.xlsx", "A.,B.,5.0\n", "ends in '.xlsx'"),
        ("a", "A.,B.,5.0\n", "ends in 'no suffix'"),
        (
            "a.jsonl",
            '{"sentence1": "A.", "sentence2": "B.", "score": 1}\n{',
            "line 2 is not valid JSON",
        ),
        ("a.jsonl", '{"sentence1": "A."}', "has the columns sentence1, expected sentence1"),
        ("a.jsonl", "[7]", "line 1 is a JSON int, expected an object"),
        ("a.jsonl", '{"sentence1": 1, "sentence2": "B.", "score": 1}', "sentence1 is 1"),
        ("a.jsonl", '{"sentence1": "A", "sentence2": "B.", "score": null}', "score is None"),
        ("a.jsonl", '{"sentence1": "A", "sentence2": "B.", "score": true}', "score is True"),
    ],
)
def test_wrong_rows_of_pairs(name: str, content: str, expected: str, tmp_path: Path) -> None:
    assert expected in complaint(read_pairs, tmp_path / name, content)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.tsv", "fine\t1\nbad\n", "line 2 has 1 field, expected 2"),
        ("a.tsv", "fine\t1\n\t0\n", "line 2: text is ''"),
        ("a.tsv", "fine\t \n", "line 1: the label is ' '"),
        ("a.jsonl", '{"text": "fine", "label": null}', "line 1: the label is None"),
        ("a.jsonl", '{"text": "fine", "label": [0.5]}', "line 1: the label is [0.5]"),
    ],
)
def test_wrong_rows_of_labels(name: str, content: str, expected: str, tmp_path: Path) -> None:
    assert expected in complaint(read_labelled, tmp_path / name, content)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Ada B-PER\nlives\n", "line 2 is 'lives'"),
        ("Ada X-PER\n", "line 1 is 'Ada X-PER'"),
        ("Ada B-PER\n\nParis LOC\n", "line 3 is 'Paris LOC'"),
        ("-DOCSTART- -X- O O\n\n", "no sentences"),
    ],
)
def test_wrong_lines_of_conll(content: str, expected: str, tmp_path: Path) -> None:
    assert expected in complaint(read_conll, tmp_path / "a.conll", content)
