"""Pairs of texts on the command line and in files of `eval`: never scored as the first alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command import Command

import edge_distil as ed
from edge_distil.evaluate import evaluate
from edge_distil.evaluate.classification import read_labelled

ROWS = [
    ("the storm", "a river rose", "bad"),
    ("London", "who lives here", "good"),
    ("a", "b", "bad"),
]


@pytest.fixture
def classifier(tiny: Path) -> ed.TextClassification:
    return ed.TextClassification.load(tiny / "text_classification")


def scores(result: list[dict[str, float]]) -> list[tuple[str, float]]:
    return [(found["label"], found["score"]) for found in result]


def test_a_pair_and_json_lines_of_pairs(
    tiny: Path, edge_distil: Command, classifier: ed.TextClassification
) -> None:
    bundle = tiny / "text_classification"
    first, second, _ = ROWS[0]
    expected = [tuple(label) for label in classifier((first, second), top_k=3)]
    assert expected != [tuple(label) for label in classifier(first, top_k=3)]
    [found] = json.loads(
        edge_distil("run", bundle, first, "--pair", second, "--top-k", "3", "--json").out
    )["items"]
    assert scores(found["results"]) == expected
    assert found["input"] == {"text": first, "text_pair": second}

    lines = [json.dumps({"text": a, "text_pair": b}) for a, b, _ in ROWS] + ['"alone"']
    stdin = "\n".join(lines).encode()
    found = json.loads(
        edge_distil("run", bundle, "--jsonl", "--top-k", "3", "--json", stdin=stdin).out
    )["items"]
    expected_all = classifier.batch([*((a, b) for a, b, _ in ROWS), "alone"], top_k=3)
    assert [scores(one["results"]) for one in found] == [
        [tuple(label) for label in labels] for labels in expected_all
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "a", "text_pair": null}', "line 1 of stdin has None as its text_pair"),
        ('{"text_pair": "b"}', "line 1 of stdin has no key 'text'"),
    ],
)
def test_halves_of_pairs_are_refused(
    line: str, message: str, tiny: Path, edge_distil: Command
) -> None:
    found = edge_distil("run", tiny / "text_classification", "--jsonl", stdin=line.encode())
    assert (found.status, message in found.err) == (1, True)


def test_other_tasks_take_no_pairs(tiny: Path, edge_distil: Command) -> None:
    for task in ("embedding", "token_classification"):
        line = b'{"text": "a", "text_pair": "b"}'
        found = edge_distil("run", tiny / task, "--jsonl", stdin=line)
        assert (found.status, "has a text_pair" in found.err) == (1, True)
        found = edge_distil("run", tiny / task, "a", "--pair", "b")
        assert (found.status, "--pair is not for a" in found.err) == (2, True)
    assert edge_distil("run", tiny / "text_classification", "a", "b", "--pair", "c").status == 2
    qa = tiny / "question_answering"
    assert edge_distil("run", qa, "-q", "Who?", "-c", "Ada", "--pair", "c").status == 2


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_eval_scores_pairs(suffix: str, tmp_path: Path, classifier: ed.TextClassification) -> None:
    path = tmp_path / f"pairs{suffix}"
    names = ("text", "text_pair", "label")
    if suffix == ".jsonl":
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in ROWS]
    else:
        lines = [{".csv": ",", ".tsv": "\t"}[suffix].join(row) for row in (names, *ROWS)]
    path.write_text("\n".join(lines) + "\n")
    assert [(e.text, e.labels) for e in read_labelled(path)] == [((a, b), (c,)) for a, b, c in ROWS]
    expected = classifier.batch([(a, b) for a, b, _ in ROWS])
    hits = [best.label == row[2] for [best], row in zip(expected, ROWS, strict=True)]
    found = evaluate(classifier, path)
    assert found.metrics["accuracy"] == pytest.approx(100 * sum(hits) / len(hits))
    table = [
        [label.score for label in sorted(labels)]
        for labels in classifier.batch([(a, b) for a, b, _ in ROWS], top_k=3)
    ]
    np.testing.assert_allclose(found.predictions, table, atol=1e-6)


def test_a_file_where_a_pair_is_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"text": "a", "text_pair": "b", "label": "bad"}\n{"text": "a", "label": 0}\n')
    with pytest.raises(ed.EdgeDistilError, match="line 2 has no key 'text_pair'"):
        read_labelled(path)


def test_a_directory_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(ed.EdgeDistilError, match=r"it is a directory.: name the file"):
        read_labelled(tmp_path)
