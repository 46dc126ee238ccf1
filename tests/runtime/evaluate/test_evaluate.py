"""`evaluate` and `compare` over stand-ins that answer from a table."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
from stand_in import StandIn

from edge_distil.errors import DataError, InputError, TaskError
from edge_distil.evaluate import compare, compare_predictions, evaluate
from edge_distil.tasks import Answer, Entity, Label

CONTEXT = "Ada lived in London."


def qa(**answers: tuple[str, float]) -> StandIn:
    results = {
        (question, CONTEXT): [Answer(text, score, 0, len(text))]
        for question, (text, score) in answers.items()
    }
    return StandIn("question-answering", results)


@pytest.fixture
def squad_file(tmp_path: Path) -> Path:
    questions = [
        {"id": "1", "question": "Who", "answers": [{"text": "Ada"}]},
        {"id": "2", "question": "Where", "answers": [{"text": "in London"}]},
    ]
    document = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": questions}]}]}
    path = tmp_path / "dev.json"
    path.write_text(json.dumps(document))
    return path


def test_question_answering(squad_file: Path) -> None:
    task = qa(Who=("Ada", 0.9), Where=("London", 0.5))
    calls: list[tuple[int, int]] = []
    found = evaluate(task, squad_file, progress=lambda done, total: calls.append((done, total)))
    assert found.to_dict() == {
        "task": "question-answering",
        "variant": "fp32",
        "metrics": {"f1": pytest.approx(100 * (1 + 2 / 3) / 2), "exact": 50.0},
        "count": 2,
        "data": "dev.json",
        "sha256": hashlib.sha256(squad_file.read_bytes()).hexdigest(),
    }
    assert calls == [(2, 2)]
    assert task.options == [{"top_k": 1, "max_answer_len": 30, "handle_impossible_answer": False}]


def test_question_answering_version_2(squad_file: Path) -> None:
    document = json.loads(squad_file.read_text())
    questions = document["data"][0]["paragraphs"][0]["qas"]
    questions[1] |= {"answers": [], "is_impossible": True}
    squad_file.write_text(json.dumps(document))
    task = qa(Who=("Ada Ada", 0.9), Where=("", 0.5))
    found = evaluate(task, squad_file)
    assert found.metrics == {
        "f1": pytest.approx(100 * (1 + 2 / 3) / 2),
        "exact": 50.0,
        "has_answer_f1": pytest.approx(200 / 3),
        "has_answer_exact": 0.0,
        "no_answer_exact": 100.0,
    }
    assert task.options[0]["handle_impossible_answer"] is True
    assert list(evaluate(task, squad_file, limit=1).metrics) == [
        "f1",
        "exact",
        "has_answer_f1",
        "has_answer_exact",
    ]


def test_compare_answers(squad_file: Path) -> None:
    task = qa(Who=("Ada", 0.9), Where=("London", 0.5))
    other = task.changed({("Where", CONTEXT): [Answer("in London", 0.25, 10, 19)]})
    found = compare(task, other, squad_file)
    assert (found.count, found.agreement, found.max_difference) == (2, 0.5, 0.25)
    assert compare(task, other, squad_file, limit=1).agreement == 1.0


@pytest.fixture
def pairs_file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.csv"
    path.write_text("A.,B.,5.0\nA.,C.,2.5\nB.,C.,3.0\n")
    return path


def embedding() -> StandIn:
    vectors = {"A.": [1.0, 0.0], "B.": [0.8, 0.6], "C.": [0.0, 1.0]}
    return StandIn("sentence-similarity", vectors)


def test_embedding(pairs_file: Path) -> None:
    found = evaluate(embedding(), pairs_file)
    assert found.metrics["spearman"] == pytest.approx(100.0)
    # Cosines 0.8, 0, 0.6 against 5, 2.5, 3: products 0.9, squares 0.34667 and 3.5.
    assert found.metrics["pearson"] == pytest.approx(81.706, abs=1e-3)
    assert found.count == 3


def test_compare_embeddings(pairs_file: Path) -> None:
    found = compare(embedding(), embedding().changed({"B.": [0.6, 0.8]}), pairs_file)
    assert (found.count, found.cosine_min) == (6, pytest.approx(0.96))
    assert found.spearman == pytest.approx(0.5)  # cosines 0.8, 0, 0.6 became 0.6, 0, 0.8


def test_vectors_that_are_all_alike_give_valid_json(pairs_file: Path) -> None:
    broken = embedding().changed({"A.": [1, 1], "B.": [1, 1], "C.": [1, 1]})
    assert evaluate(broken, pairs_file).to_dict()["metrics"]["spearman"] is None


def test_one_gold_score_gives_no_correlation(pairs_file: Path) -> None:
    with pytest.raises(DataError, match=r"the same score in every row \(1 read\)"):
        evaluate(embedding(), pairs_file, limit=1)


def classifier(**scores: float) -> StandIn:
    """A stand-in with the probability of "good" of each text."""
    results = {}
    for text, good in scores.items():
        labels = [Label("good", good), Label("bad", 1 - good)]
        results[text] = sorted(labels, key=lambda label: -label.score)
    return StandIn("text-classification", results, ("bad", "good"))


@pytest.fixture
def labels_file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.tsv"
    path.write_text("a\t1\nb\t0\nc\tgood\nd\tbad\n")
    return path


def test_text_classification(labels_file: Path) -> None:
    found = evaluate(classifier(a=0.9, b=0.75, c=0.6, d=0.2), labels_file)
    assert found.metrics == {
        "accuracy": 75.0,
        "f1": pytest.approx(80.0),
        "precision": pytest.approx(200 / 3),
        "recall": 100.0,
        "f1_macro": pytest.approx((80 + 200 / 3) / 2),
        "f1_weighted": pytest.approx((80 + 200 / 3) / 2),
    }


def test_compare_text_classification(labels_file: Path) -> None:
    task = classifier(a=0.9, b=0.75, c=0.6, d=0.2)
    found = compare(task, task.changed(classifier(b=0.25).results), labels_file)
    assert (found.agreement, found.max_difference) == (0.75, 0.5)


def test_a_label_that_the_model_lacks(labels_file: Path) -> None:
    labels_file.write_text("a\t1\nb\tneutral\n")
    with pytest.raises(DataError, match="line 2: the label is 'neutral'"):
        evaluate(classifier(a=0.9, b=0.5), labels_file)


def multi_label() -> StandIn:
    results = {
        "a": [Label("joy", 0.9), Label("anger", 0.6), Label("fear", 0.1)],
        "b": [Label("fear", 0.5), Label("joy", 0.2), Label("anger", 0.1)],
    }
    return StandIn(
        "text-classification", results, ("anger", "joy", "fear"), "multi_label_classification"
    )


def test_many_labels_a_text(tmp_path: Path) -> None:
    path = tmp_path / "dev.jsonl"
    path.write_text('{"text": "a", "label": ["joy"]}\n{"text": "b", "label": []}\n')
    found = evaluate(multi_label(), path)  # "a" is also called angry; 0.5 is not above 0.5
    assert found.metrics == {
        "f1_micro": pytest.approx(200 / 3),
        "f1_macro": pytest.approx(100 / 3),
        "f1_weighted": 100.0,
        "accuracy": 50.0,
    }
    with pytest.raises(DataError, match="line 2 has 0 labels, expected one"):
        evaluate(dataclasses.replace(multi_label(), problem_type=None), path)


def tagger(*entities: Entity) -> StandIn:
    return StandIn("token-classification", {CONTEXT: list(entities)}, ("O", "B-PER", "B-LOC"))


@pytest.fixture
def conll_file(tmp_path: Path) -> Path:
    path = tmp_path / "dev.conll"
    path.write_text("Ada B-PER\nlived O\nin O\nLondon. B-LOC\n")
    return path


def test_token_classification(conll_file: Path) -> None:
    task = tagger(
        Entity("B-PER", 0.9, "Ada", 0, 3),
        Entity("B-LOC", 0.6, "in", 10, 12),
        Entity("I-LOC", 0.8, "London", 13, 19),
        Entity("O", 0.8, ".", 19, 20),
    )
    found = evaluate(task, conll_file)
    assert found.metrics == {"f1": 50.0, "precision": 50.0, "recall": 50.0}
    assert task.options == [{"aggregation_strategy": "none", "ignore_labels": ()}]


def test_compare_token_classification(conll_file: Path) -> None:
    task = tagger(Entity("B-PER", 0.9, "Ada", 0, 3))
    other = tagger(Entity("B-PER", 0.8, "Ada", 0, 3), Entity("B-LOC", 0.5, "in", 10, 12))
    found = compare(task, other, conll_file)
    assert (found.count, found.agreement, found.max_difference) == (4, 0.75, 0.5)


@pytest.mark.parametrize(
    ("task", "variant", "file"),
    [
        (
            qa(Who=("Ada", 0.9), Where=("London", 0.5)),
            qa(Who=("Ada", 0.8), Where=("in London", 0.25)),
            "squad_file",
        ),
        (embedding(), embedding().changed({"B.": [0.6, 0.8]}), "pairs_file"),
        (
            classifier(a=0.9, b=0.75, c=0.6, d=0.2),
            classifier(a=0.9, b=0.25, c=0.7, d=0.2),
            "labels_file",
        ),
        (
            tagger(Entity("B-PER", 0.9, "Ada", 0, 3)),
            tagger(Entity("B-LOC", 0.5, "in", 10, 12)),
            "conll_file",
        ),
    ],
)
def test_scored_variants_need_no_second_run_to_be_compared(
    task: StandIn, variant: StandIn, file: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(file)
    scored = [evaluate(one, path).predictions for one in (task, variant)]
    assert compare_predictions(task.task, *scored) == compare(task, variant, path)


def test_an_entity_type_that_the_model_lacks(conll_file: Path) -> None:
    conll_file.write_text("Ada B-PER\n\nParis B-City\n")
    with pytest.raises(DataError, match=r"line 3: .* entity 'City', expected one of LOC, PER"):
        evaluate(tagger(), conll_file)


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        (StandIn("fill-mask", {}), "is for fill-mask, which has no measure"),
        (StandIn("text-classification", {}, ("x", "y"), "regression"), "regression text-class"),
        (StandIn("text-classification", {}), "names no labels"),
    ],
)
def test_tasks_without_a_measure(task: StandIn, expected: str, labels_file: Path) -> None:
    with pytest.raises(TaskError, match=expected):
        evaluate(task, labels_file)
    with pytest.raises(TaskError, match=expected):
        compare(task, task, labels_file)


def test_two_tasks_and_a_wrong_limit(labels_file: Path) -> None:
    with pytest.raises(TaskError, match="for text-classification and for question-answering"):
        compare(classifier(), qa(), labels_file)
    with pytest.raises(InputError, match="limit is 0"):
        evaluate(classifier(), labels_file, limit=0)
