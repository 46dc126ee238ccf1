"""Right files, in every format and with their oddities."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_distil.errors import DataError
from edge_distil.evaluate.classification import LabelledText, label_indices, read_labelled
from edge_distil.evaluate.spans import Span, read_conll
from edge_distil.evaluate.squad import SquadExample, read_squad
from edge_distil.evaluate.sts import ScoredPair, read_pairs


def write_squad(path: Path, *questions: object, **fields: str) -> Path:
    document = {"data": [{"paragraphs": [{"context": "I am.", "qas": questions}]}], **fields}
    path.write_text(json.dumps(document))
    return path


def question(name: str, *answers: str, **fields: bool) -> dict[str, object]:
    return {"id": name, "question": "Who?", "answers": [{"text": a} for a in answers], **fields}


@pytest.mark.parametrize(
    ("fields", "extra", "expected"),
    [
        ({"version": "1.1"}, {}, "1.1"),
        ({}, {}, "1.1"),
        ({"version": "v2.0"}, {}, "2.0"),
        ({"version": "2.0"}, {}, "2.0"),
        ({}, {"is_impossible": False}, "2.0"),
    ],
)
def test_squad_version(
    fields: dict[str, str], extra: dict[str, bool], expected: str, tmp_path: Path
) -> None:
    path = write_squad(tmp_path / "a.json", question("1", "I", "me", **extra), **fields)
    found = read_squad(path)
    assert found.version == expected
    assert found.examples == (SquadExample("1", "Who?", "I am.", ("I", "me")),)


def test_squad_2_with_an_unanswerable_question(tmp_path: Path) -> None:
    path = write_squad(tmp_path / "a.json", question("1", is_impossible=True), version="v2.0")
    assert read_squad(path).examples[0].answers == ()


def test_pairs_in_all_formats(tmp_path: Path) -> None:
    pairs = [ScoredPair('A "b", c.', "D\u2028e.", 3.5), ScoredPair("F.", "G.", 0.0)]
    contents = {
        "plain.csv": '"A ""b"", c.",D\u2028e.,3.5\r\nF.,G.,0\r\n',
        "header.csv": '\ufeffn,score,sentence1,sentence2\n,3.5,"A ""b"", c.",D\u2028e.\n\n,0,F.,G.',
        "plain.tsv": 'A "b", c.\tD\u2028e.\t3.5\nF.\tG.\t0\n',
        "header.tsv": 'n\tsentence1\tsentence2\tscore\n1\tA "b", c.\tD\u2028e.\t3.5\n2\tF.\tG.\t0',
        "objects.jsonl": "\n".join(
            json.dumps(vars(p), ensure_ascii=False)
            .replace("first", "sentence1")
            .replace("second", "sentence2")
            for p in pairs
        ),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content.encode())
        assert read_pairs(tmp_path / name) == pairs, name


def test_labels_in_all_formats(tmp_path: Path) -> None:
    contents = {
        "a.tsv": 'a "fine film\t1\nbad\t0\n',
        "a.txt": 'a "fine film\t1\nbad\t0\n',
        "a.csv": 'label,text\n1,"a ""fine film"\n0,bad\n',
        "a.jsonl": '{"text": "a \\"fine film", "label": 1}\n{"text": "bad", "label": "0"}\n',
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
        found = [(e.text, e.labels) for e in read_labelled(tmp_path / name)]
        assert found == [('a "fine film', ("1",)), ("bad", ("0",))], name


def test_several_labels_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "x", "label": ["joy", 0]}\n{"text": "y", "label": []}\n')
    first, second = read_labelled(path)
    assert label_indices(first, ("anger", "joy")) == [1, 0]
    assert label_indices(second, ("anger", "joy")) == []


def test_a_name_goes_before_an_index() -> None:
    assert label_indices(LabelledText("x", ("0",), "a, line 1"), ("1", "0")) == [1]


@pytest.mark.parametrize("label", ["2", "-1", "good", "positive ", "²"])
def test_a_label_that_the_model_lacks(label: str) -> None:
    with pytest.raises(DataError, match=r"a.tsv, line 3: the label is .* negative, positive"):
        label_indices(LabelledText("x", (label,), "a.tsv, line 3"), ("negative", "positive"))


def test_conll(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    lines = ["-DOCSTART- -X- -X- O", "", "EU NNP B-NP B-ORG", "rejects VBZ B-VP O", "", ""]
    path.write_bytes("\r\n".join([*lines, "New\u00a0York\tB-LOC", "City\tI-LOC"]).encode())
    first, second = read_conll(path)
    assert (first.words, first.spans) == (("EU", "rejects"), (Span("ORG", 0, 1),))
    assert (second.words, second.spans) == (("New\u00a0York", "City"), (Span("LOC", 0, 2),))
    assert (first.where, second.where) == (f"{path}, line 3", f"{path}, line 7")
    assert second.text == "New\u00a0York City"
    assert second.word_starts() == [0, 9]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_conll_with_any_end_of_line(tmp_path: Path, end: str) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes(end.join(["Ada B-PER", "a\u2028b O", "", "Rome B-LOC", ""]).encode("utf-16"))
    assert [sentence.words for sentence in read_conll(path)] == [("Ada", "a\u2028b"), ("Rome",)]
