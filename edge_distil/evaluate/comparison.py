"""Run two variants of a model on the same inputs: how far is the one from the other?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge_distil import sparse
from edge_distil.errors import TaskError
from edge_distil.evaluate import fidelity, predict, sts
from edge_distil.evaluate.choices import read_choice_questions
from edge_distil.evaluate.classification import read_labelled
from edge_distil.evaluate.evaluation import check_arguments
from edge_distil.evaluate.fidelity import Fidelity
from edge_distil.evaluate.kinds import expecting, needed_by
from edge_distil.evaluate.predict import TokenVectors
from edge_distil.evaluate.scored import gives_one_score, read_scored
from edge_distil.evaluate.spans import read_conll
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.sparse import SparseVectors

if TYPE_CHECKING:
    from edge_distil.tasks import (
        Answer,
        Choice,
        Embedding,
        LateInteraction,
        MultipleChoice,
        QuestionAnswering,
        SparseEmbedding,
        Task,
        TextClassification,
        TokenClassification,
    )

Tags = list[list[tuple[str, float]]]  # sentence by sentence, each word's tag and its score


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
    path = Path(data_path)
    with expecting(task, path, needed_by(reference.bundle.manifest)):
        predicted = [_PREDICTIONS[task](one, path, limit) for one in (reference, variant)]
    return compare_predictions(task, *predicted)


def compare_predictions(task: str, reference: Any, variant: Any) -> Fidelity:
    """Compare what two variants gave for the same inputs, as `Evaluation.predictions` holds it.

    Args:
        task: The task of both.
        reference: Predictions of the variant to stay near to, as a rule fp32.
        variant: Those of the other one.
    """
    return _COMPARISONS[task](reference, variant)


def _answers(task: QuestionAnswering, path: Path, limit: int | None) -> list[Answer]:
    whole = read_squad(path)
    return predict.answers(task, dataclasses.replace(whole, examples=whole.examples[:limit]))


def _vectors(task: Embedding, path: Path, limit: int | None) -> NDArray[np.float32]:
    return predict.vectors(task, sts.texts_of(sts.read_pairs(path)[:limit]))


def _sparse(task: SparseEmbedding, path: Path, limit: int | None) -> SparseVectors:
    return predict.sparse_vectors(task, sts.texts_of(sts.read_pairs(path)[:limit]))


def _token_vectors(task: LateInteraction, path: Path, limit: int | None) -> TokenVectors:
    return predict.token_vectors(task, sts.read_pairs(path)[:limit])


def _probabilities(task: TextClassification, path: Path, limit: int | None) -> NDArray[np.float64]:
    read = read_scored if gives_one_score(task.bundle.manifest) else read_labelled
    return predict.probabilities(task, [example.text for example in read(path)[:limit]])


def _tags(task: TokenClassification, path: Path, limit: int | None) -> Tags:
    return predict.tags(task, read_conll(path)[:limit])


def _choices(task: MultipleChoice, path: Path, limit: int | None) -> list[Choice]:
    return predict.choices(task, read_choice_questions(path)[:limit])


def _of_answers(reference: list[Answer], variant: list[Answer]) -> Fidelity:
    return fidelity.of_answers(
        [answer.text for answer in reference],
        [answer.text for answer in variant],
        [answer.score for answer in reference],
        [answer.score for answer in variant],
    )


def _of_choices(reference: list[Choice], variant: list[Choice]) -> Fidelity:
    return fidelity.of_answers(
        [choice.index for choice in reference],
        [choice.index for choice in variant],
        [choice.score for choice in reference],
        [choice.score for choice in variant],
    )


def _of_labels(reference: NDArray[np.float64], variant: NDArray[np.float64]) -> Fidelity:
    """Compare ``(texts, labels)``; of one score a text there is no cosine and no best class."""
    if reference.shape[1] > 1:
        return fidelity.of_logits(reference, variant)
    return fidelity.of_scores(reference[:, 0], variant[:, 0])


def _of_pairs(reference: NDArray[np.float32], variant: NDArray[np.float32]) -> Fidelity:
    """Compare the vectors, and the order of the pairs: first texts, then second ones."""
    scores = (sts.cosines(*np.split(vectors, 2)) for vectors in (reference, variant))
    found = fidelity.of_vectors(reference, variant)
    return dataclasses.replace(found, spearman=sts.spearman(*scores))


def _of_token_vectors(reference: TokenVectors, variant: TokenVectors) -> Fidelity:
    """Compare the tokens' vectors, and the order of the pairs."""
    found = fidelity.of_vectors(reference.vectors, variant.vectors)
    order = sts.spearman(reference.scores, variant.scores)
    return dataclasses.replace(found, spearman=order)


def _of_sparse(reference: SparseVectors, variant: SparseVectors) -> Fidelity:
    """Compare as `_of_pairs` does, by dot products."""
    half = len(reference) // 2
    scores = (sparse.pairwise(v[:half], v[half:], "dot") for v in (reference, variant))
    found = fidelity.of_sparse(reference, variant)
    return dataclasses.replace(found, spearman=sts.spearman(*scores))


def _of_tags(reference: Tags, variant: Tags) -> Fidelity:
    """Compare word by word."""
    a, b = ([word for words in tags for word in words] for tags in (reference, variant))
    return fidelity.of_answers(
        [tag for tag, _ in a], [tag for tag, _ in b], [p for _, p in a], [p for _, p in b]
    )


_PREDICTIONS: Mapping[str, Callable[..., Any]] = {
    "multiple-choice": _choices,
    "question-answering": _answers,
    "sentence-similarity": _vectors,
    "feature-extraction": _vectors,
    "late-interaction": _token_vectors,
    "sparse-embedding": _sparse,
    "text-classification": _probabilities,
    "token-classification": _tags,
}
_COMPARISONS: Mapping[str, Callable[..., Fidelity]] = {
    "multiple-choice": _of_choices,
    "question-answering": _of_answers,
    "sentence-similarity": _of_pairs,
    "feature-extraction": _of_pairs,
    "late-interaction": _of_token_vectors,
    "sparse-embedding": _of_sparse,
    "text-classification": _of_labels,
    "token-classification": _of_tags,
}
