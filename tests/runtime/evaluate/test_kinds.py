"""A file of another task's kind is called what it is, and what is needed is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import edge_distil
from edge_distil.errors import DataError
from edge_distil.evaluate import compare, evaluate

QUESTION = {"id": "1", "question": "q", "answers": [{"text": "a"}]}
ARTICLE = {"title": "x", "paragraphs": [{"context": "a", "qas": [QUESTION]}]}
SQUAD = json.dumps({"data": [ARTICLE]})
FILES = {
    "SQuAD": {"a.json": SQUAD},
    "rows of sentence1": {
        "a.csv": "A.,B.,5.0\nC.,D.,1\n",
        "a.tsv": "sentence1\tsentence2\tscore\nA.\tB.\t5\nC.\tD.\t1\n",
        "a.jsonl": '{"sentence1": "A", "sentence2": "B", "score": 1}\n',
    },
    "rows of text": {"a.tsv": "a good film\t1\nbad\t0\n", "a.csv": "text,label\na,1\n"},
    "CoNLL": {"a.conll": "Ada B-PER\nlives O\n\n", "a.txt": "Ada B-PER\nlives O\n"},
}
BUNDLES = {
    "question_answering": "SQuAD",
    "embedding": "rows of sentence1",
    "sparse_embedding": "rows of sentence1",
    "text_classification": "rows of text",
    "token_classification": "CoNLL",
}


@pytest.mark.parametrize(
    ("bundle", "kind", "name"),
    [(b, k, name) for b in BUNDLES for k in FILES if BUNDLES[b] != k for name in FILES[k]],
)
def test_another_tasks_file(tiny: Path, tmp_path: Path, bundle: str, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_text(FILES[kind][name])
    task = edge_distil.load(tiny / bundle)
    for call in (lambda: evaluate(task, path), lambda: compare(task, task, path)):
        with pytest.raises(DataError) as caught:
            call()
        assert f"{name} looks like {kind}" in str(caught.value)
        assert f"bundle needs {BUNDLES[bundle]}" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_file_of_the_right_kind_keeps_its_own_error(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("a film\tno label of the model\n")
    with pytest.raises(DataError, match="the label is 'no label of the model'"):
        evaluate(edge_distil.load(tiny / "text_classification"), path)
    path.write_text("nothing that any task reads\n")
    with pytest.raises(DataError, match="has 1 field, expected 2"):
        evaluate(edge_distil.load(tiny / "text_classification"), path)
    with pytest.raises(DataError, match=r"has the columns nothing that .*, expected question"):
        evaluate(edge_distil.load(tiny / "question_answering"), path)
