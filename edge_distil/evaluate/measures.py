"""The measure of each task: run it over a labelled file and score what it says, in percent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_distil.errors import DataError, TaskError
from edge_distil.evaluate import predict, squad, sts
from edge_distil.evaluate.choices import read_choice_questions
from edge_distil.evaluate.classification import (
    LabelledText,
    Scores,
    accuracy,
    confusion,
    counts,
    label_indices,
    multi_label_counts,
    read_labelled,
)
from edge_distil.evaluate.predict import Progress
from edge_distil.evaluate.scored import ScoredText, gives_one_score, read_scored
from edge_distil.evaluate.spans import TaggedSentence, read_conll, span_counts, spans
from edge_distil.tasks.schemes import OUTSIDE, read_scheme

if TYPE_CHECKING:
    from edge_distil.tasks import (
        Embedding,
        LateInteraction,
        MultipleChoice,
        QuestionAnswering,
        SparseEmbedding,
        TextClassification,
        TokenClassification,
    )

MULTI_LABEL_THRESHOLD = 0.5  # a label with a sigmoid score above this counts as given


@dataclass(frozen=True)
class Measured:
    """What a measure found, and the predictions that it was taken from; see `predict`."""

    metrics: dict[str, float]
    count: int
    predictions: Any


def _question_answering(
    task: QuestionAnswering, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    whole = squad.read_squad(path)
    chosen = dataclasses.replace(whole, examples=whole.examples[:limit])
    answers = predict.answers(task, chosen, progress)
    texts = {e.id: a.text for e, a in zip(chosen.examples, answers, strict=True)}
    result = squad.score(texts, chosen)
    metrics = {"f1": result.f1, "exact": result.exact}
    if chosen.version == "2.0":
        split = {
            "has_answer_f1": result.has_answer_f1,
            "has_answer_exact": result.has_answer_exact,
            "no_answer_exact": result.no_answer_exact,
        }
        metrics |= {name: value for name, value in split.items() if value is not None}
    return Measured(metrics, result.total, answers)


def _similarity(
    task: Embedding, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    pairs = _scored_pairs(path, limit)
    vectors = predict.vectors(task, sts.texts_of(pairs), progress)
    return Measured(_correlation(sts.cosines(*np.split(vectors, 2)), pairs), len(pairs), vectors)


def _sparse_similarity(
    task: SparseEmbedding, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    """Score by the checkpoint's own function, as its library's evaluator does."""
    pairs = _scored_pairs(path, limit)
    vectors = predict.sparse_vectors(task, sts.texts_of(pairs), progress)
    found = task.similarity_pairwise(vectors[: len(pairs)], vectors[len(pairs) :])
    return Measured(_correlation(found, pairs), len(pairs), vectors)


def _late_interaction(
    task: LateInteraction, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    pairs = _scored_pairs(path, limit)
    found = predict.token_vectors(task, pairs, progress)
    return Measured(_correlation(found.scores, pairs), len(pairs), found)


def _scored_pairs(path: Path, limit: int | None) -> list[sts.ScoredPair]:
    pairs = sts.read_pairs(path)[:limit]
    _require_different(path, pairs)
    return pairs


def _require_different(path: Path, rows: Sequence[sts.ScoredPair | ScoredText]) -> None:
    if len({row.score for row in rows}) < 2:
        raise DataError(
            f"{path} has the same score in every row ({len(rows)} read), expected two or more "
            "different ones for a correlation: give more rows, or a larger limit"
        )


def _correlation(found: ArrayLike, rows: Sequence[sts.ScoredPair | ScoredText]) -> dict[str, float]:
    gold = [row.score for row in rows]
    return {
        "spearman": 100 * sts.spearman(found, gold),
        "pearson": 100 * sts.pearson(found, gold),
    }


def _text_classification(
    task: TextClassification, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    names = task.bundle.manifest.labels
    if gives_one_score(task.bundle.manifest):
        return _one_score(task, path, limit, progress)
    if len(set(names)) < len(names):
        raise TaskError(
            f"{task.bundle.path} has the labels {', '.join(names)}, expected different ones for an "
            "accuracy: name them apart (id2label in the checkpoint's config.json)"
        )
    examples = read_labelled(path)[:limit]
    truth = [label_indices(example, names) for example in examples]
    multi = task.bundle.manifest.problem_type == "multi_label_classification"
    if not multi:
        _require_single(examples)
    scores = predict.probabilities(task, [example.text for example in examples], progress)
    metrics = _multi_label(truth, scores) if multi else _single_label(truth, scores)
    return Measured(metrics, len(examples), scores)


def _one_score(
    task: TextClassification, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    rows = read_scored(path)[:limit]
    _require_different(path, rows)
    scores = predict.probabilities(task, [row.text for row in rows], progress)
    return Measured(_correlation(scores[:, 0], rows), len(rows), scores)


def _require_single(examples: Sequence[LabelledText]) -> None:
    for example in examples:
        if len(example.labels) != 1:
            raise DataError(
                f"{example.where} has {len(example.labels)} labels, expected one (the model is "
                "no multi-label model): give one label a text"
            )


def _single_label(truth: list[list[int]], scores: NDArray[np.float64]) -> dict[str, float]:
    matrix = confusion([row[0] for row in truth], scores.argmax(axis=1), scores.shape[1])
    every = counts(matrix)
    metrics = {"accuracy": 100 * accuracy(matrix)}
    if len(matrix) == 2:
        metrics |= _percent(every.binary())
    metrics["f1_macro"] = 100 * every.occurring().macro().f1
    metrics["f1_weighted"] = 100 * every.weighted().f1
    return metrics


def _multi_label(truth: list[list[int]], scores: NDArray[np.float64]) -> dict[str, float]:
    expected = np.zeros(scores.shape, bool)
    for row, indices in zip(expected, truth, strict=True):
        row[indices] = True
    given = scores > MULTI_LABEL_THRESHOLD
    found = multi_label_counts(expected, given)
    return {
        "f1_micro": 100 * found.micro().f1,
        "f1_macro": 100 * found.macro().f1,
        "f1_weighted": 100 * found.weighted().f1,
        "accuracy": 100 * float((expected == given).all(axis=1).mean()),
    }


def _multiple_choice(
    task: MultipleChoice, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    questions = read_choice_questions(path)[:limit]
    chosen = predict.choices(task, questions, progress)
    right = [c.index == q.label for c, q in zip(chosen, questions, strict=True)]
    return Measured({"accuracy": 100 * float(np.mean(right))}, len(questions), chosen)


def _token_classification(
    task: TokenClassification, path: Path, limit: int | None, progress: Progress | None
) -> Measured:
    sentences = read_conll(path)[:limit]
    _require_known(sentences, task.bundle.manifest.labels)
    tags = predict.tags(task, sentences, progress)
    found = [spans([tag for tag, _ in words]) for words in tags]
    metrics = _percent(span_counts([s.spans for s in sentences], found).micro())
    return Measured(metrics, len(sentences), tags)


def _require_known(sentences: Sequence[TaggedSentence], labels: Sequence[str]) -> None:
    types = {tag.type for tag in read_scheme(labels).values() if tag.role != OUTSIDE}
    for sentence in sentences:
        for span in sentence.spans:
            if span.label not in types:
                raise DataError(
                    f"{sentence.where}: the sentence has an entity {span.label!r}, expected one "
                    f"of {', '.join(sorted(types))}: choose the model that the file was made for"
                )


def _percent(scores: Scores) -> dict[str, float]:
    return {
        "f1": 100 * scores.f1,
        "precision": 100 * scores.precision,
        "recall": 100 * scores.recall,
    }


MEASURES: Mapping[str, Callable[..., Measured]] = {
    "question-answering": _question_answering,
    "multiple-choice": _multiple_choice,
    "sentence-similarity": _similarity,
    "feature-extraction": _similarity,
    "late-interaction": _late_interaction,
    "sparse-embedding": _sparse_similarity,
    "text-classification": _text_classification,
    "token-classification": _token_classification,
}
