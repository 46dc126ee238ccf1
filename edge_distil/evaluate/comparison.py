"""Run two variants of a model on the same inputs: how far is the one from the other?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edge_distil.errors import TaskError
from edge_distil.evaluate import fidelity, predict, sts
from edge_distil.evaluate.classification import read_labelled
from edge_distil.evaluate.evaluation import check_arguments
from edge_distil.evaluate.fidelity import Fidelity
from edge_distil.evaluate.spans import read_conll
from edge_distil.evaluate.squad_file import read_squad

if TYPE_CHECKING:
    from edge_distil.tasks import (
        Embedding,
        QuestionAnswering,
        Task,
        TextClassification,
        TokenClassification,
    )


def compare(
    reference: Task, variant: Task, data_path: str | Path, *, limit: int | None = None
) -> Fidelity:
    """Compare a variant with the reference on a file's inputs; its labels play no part.

    Args:
        reference: The task object to stay near to, as a rule fp32.
        variant: The other one.
        data_path: A file as for `evaluate`.
        limit: Use only the first so many examples.

    Raises:
        DataError: The file cannot be read.
        TaskError: The two serve different tasks, or one that cannot be compared.
        InputError: `limit` is less than 1.
    """
    check_arguments(reference, limit)
    task, other = reference.bundle.manifest.task, variant.bundle.manifest.task
    if task != other:
        raise TaskError(
            f"got bundles for {task} and for {other}, expected two variants for one task: "
            "load both from one bundle"
        )
    return _COMPARISONS[task](reference, variant, Path(data_path), limit)


def _question_answering(
    reference: QuestionAnswering, variant: QuestionAnswering, path: Path, limit: int | None
) -> Fidelity:
    whole = read_squad(path)
    chosen = dataclasses.replace(whole, examples=whole.examples[:limit])
    a, b = predict.answers(reference, chosen), predict.answers(variant, chosen)
    return fidelity.of_answers(
        [answer.text for answer in a],
        [answer.text for answer in b],
        [answer.score for answer in a],
        [answer.score for answer in b],
    )


def _similarity(
    reference: Embedding, variant: Embedding, path: Path, limit: int | None
) -> Fidelity:
    pairs = sts.read_pairs(path)[:limit]
    texts = [pair.first for pair in pairs] + [pair.second for pair in pairs]
    a, b = predict.vectors(reference, texts), predict.vectors(variant, texts)
    scores_a, scores_b = (sts.cosines(*np.split(vectors, 2)) for vectors in (a, b))
    return dataclasses.replace(fidelity.of_vectors(a, b), spearman=sts.spearman(scores_a, scores_b))


def _text_classification(
    reference: TextClassification, variant: TextClassification, path: Path, limit: int | None
) -> Fidelity:
    texts = [example.text for example in read_labelled(path)[:limit]]
    return fidelity.of_logits(
        predict.probabilities(reference, texts), predict.probabilities(variant, texts)
    )


def _token_classification(
    reference: TokenClassification, variant: TokenClassification, path: Path, limit: int | None
) -> Fidelity:
    """Compare word by word."""
    sentences = read_conll(path)[:limit]
    a = [word for words in predict.tags(reference, sentences) for word in words]
    b = [word for words in predict.tags(variant, sentences) for word in words]
    return fidelity.of_answers(
        [tag for tag, _ in a], [tag for tag, _ in b], [p for _, p in a], [p for _, p in b]
    )


_COMPARISONS: Mapping[str, Callable[..., Fidelity]] = {
    "question-answering": _question_answering,
    "sentence-similarity": _similarity,
    "feature-extraction": _similarity,
    "text-classification": _text_classification,
    "token-classification": _token_classification,
}
