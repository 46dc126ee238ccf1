"""Rows are read for every task, as tables and as JSON lines; other names are named."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed
from edge_distil.errors import DataError
from edge_distil.evaluate import evaluate
from edge_distil.evaluate.classification import read_labelled
from edge_distil.evaluate.spans import read_conll
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.evaluate.sts import read_pairs

ANSWERS = (("Ada", "Ada L."), ("a lamp",))
QUESTIONS = [
    {"id": f"q{n}", "question": f"Who {n}?", "context": "Ada lit a lamp.", "answers": list(found)}
    for n, found in enumerate(ANSWERS)
]


def squad(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write the original: the same questions as SQuAD has them."""
    paragraphs = [
        {
            "context": row["context"],
            "qas": [
                {
                    "id": row["id"],
                    "question": row["question"],
                    "answers": [{"text": text, "answer_start": 0} for text in row["answers"]],
                }
            ],
        }
        for row in rows
    ]
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    "form",
    [
        lambda texts: texts,
        lambda texts: {"text": texts, "answer_start": [0] * len(texts)},  # as `datasets` has it
        lambda texts: [{"text": text, "answer_start": 0} for text in texts],
    ],
)
def test_questions_are_those_of_squad(form: Any, tmp_path: Path) -> None:
    expected = read_squad(squad(tmp_path / "squad.json", QUESTIONS))
    rows = [{**row, "answers": form(row["answers"]), "title": "x"} for row in QUESTIONS]
    assert read_squad(lines(tmp_path / "rows.jsonl", rows)) == expected
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    assert read_squad(tmp_path / "rows.json") == expected
    (tmp_path / "data.json").write_text(json.dumps({"data": rows}))
    assert read_squad(tmp_path / "data.json") == expected


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".tsv", "\t")])
def test_questions_of_a_table(suffix: str, delimiter: str, tmp_path: Path) -> None:
    path = tmp_path / f"q{suffix}"
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", "context", "question", "answer"])
        writer.writerows([q["id"], q["context"], q["question"], q["answers"][0]] for q in QUESTIONS)
    first = [{**row, "answers": row["answers"][:1]} for row in QUESTIONS]
    assert read_squad(path) == read_squad(squad(tmp_path / "squad.json", first))


def test_a_question_without_an_answer_makes_it_version_two(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "id"} for row in QUESTIONS]
    rows.append({"question": "Why?", "context": "So.", "answers": {"text": []}})
    found = read_squad(lines(tmp_path / "rows.jsonl", rows))
    assert found.version == "2.0"
    assert (found.examples[2].id, found.examples[2].answers) == ("3", ())


def test_the_same_scores(tiny: Path, tmp_path: Path) -> None:
    task = ed.load(tiny / "question_answering", variant="fp32")
    expected = evaluate(task, squad(tmp_path / "squad.json", QUESTIONS))
    assert evaluate(task, lines(tmp_path / "q.jsonl", QUESTIONS)).metrics == expected.metrics


def test_tags_are_those_of_conll(tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text("Ada B-PER\nL. I-PER\nlives O\n\nParis U-LOC\n")
    expected = read_conll(tmp_path / "a.conll")
    for name in ("tags", "ner_tags"):
        rows = [
            {"tokens": ["Ada", "L.", "lives"], name: ["B-PER", "I-PER", "O"]},
            {"tokens": ["Paris"], name: ["U-LOC"]},
        ]
        found = read_conll(lines(tmp_path / "a.jsonl", rows))
        assert [(one.words, one.spans) for one in found] == [
            (one.words, one.spans) for one in expected
        ]


@pytest.mark.parametrize(
    ("read", "name", "text", "message"),
    [
        (read_labelled, "a.jsonl", '{"sentence": "a", "label": 1}\n', "sentence, label"),
        (read_labelled, "a.csv", "sentence,label\na,1\n", "columns sentence, label, expected text"),
        (read_labelled, "a.tsv", "review\tclass\na\t1\nb\t0\n", "columns review, class, expected"),
        (read_pairs, "a.csv", "a,b,similarity\nx,y,2\n", "expected sentence1, sentence2, score"),
        (read_pairs, "a.json", '[{"a": "x", "b": "y", "score": 1}]', "columns a, b, score, expec"),
        (read_squad, "a.jsonl", '{"q": "Who?"}\n', "expected question, context, answers"),
        (read_squad, "a.csv", "question,text\nWho?,Ada.\n", "columns question, text, expected"),
        (read_squad, "a.jsonl", '{"question": "?", "context": "c", "answers": 3}', "answers is 3"),
        (read_conll, "a.jsonl", '{"words": ["a"], "tags": ["O"]}', "words, tags, expected tokens"),
        (read_conll, "a.jsonl", '{"tokens": ["a"], "tags": [3]}', "the tags by name"),
        (read_conll, "a.jsonl", '{"tokens": ["a"], "tags": ["PER"]}', "'PER' is no tag"),
    ],
)
def test_names_that_are_not_known(
    read: Any, name: str, text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


def test_a_table_without_a_header_stays_one(tmp_path: Path) -> None:
    for text in ("a fine film\t1\na dull one\t0\n", "storm\tgood\nlamp\tbad\n"):
        (tmp_path / "a.tsv").write_text(text)
        assert len(read_labelled(tmp_path / "a.tsv")) == 2
