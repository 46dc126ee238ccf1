"""Run a task over an evaluation set: what `evaluation` scores and `comparison` compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge_distil.evaluate.choices import ChoiceQuestion
from edge_distil.evaluate.spans import TaggedSentence, word_tags
from edge_distil.evaluate.squad_file import SquadSet
from edge_distil.evaluate.sts import ScoredPair
from edge_distil.pooling import Floats
from edge_distil.sparse import SparseVectors
from edge_distil.tasks.schemes import read_scheme

if TYPE_CHECKING:
    from edge_distil.tasks import (
        Answer,
        Choice,
        Embedding,
        LateInteraction,
        MultipleChoice,
        QuestionAnswering,
        SparseEmbedding,
        TextClassification,
        TokenClassification,
    )
    from edge_distil.tasks.text_classification import TextOrPair

# Tokens. Published SQuAD scores allow answers of 30; the task's own default is 15.
MAX_ANSWER_LEN = 30
CHUNK = 64  # inputs a call: few enough for a progress bar, enough to sort by length

Progress = Callable[[int, int], None]
T = TypeVar("T")
R = TypeVar("R")


class TokenVectors(NamedTuple):
    """Of pairs: their scores ``(pairs,)``, and all vectors ``(tokens, dimension)``."""

    scores: NDArray[np.float64]
    vectors: Floats


def answers(
    task: QuestionAnswering, squad: SquadSet, progress: Progress | None = None
) -> list[Answer]:
    """Return the best answer to each question; its text may be empty in version 2.0."""

    def run(pairs: Sequence[tuple[str, str]]) -> list[Answer]:
        found = task.batch(
            pairs,
            top_k=1,
            max_answer_len=MAX_ANSWER_LEN,
            handle_impossible_answer=squad.version == "2.0",
        )
        return [best for [best] in found]

    return _chunked([(e.question, e.context) for e in squad.examples], run, progress)


def vectors(
    task: Embedding, texts: Sequence[str], progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return ``(texts, dimension)``."""
    return np.stack(_chunked(texts, lambda part: list(task.encode(part)), progress))


def token_vectors(
    task: LateInteraction, pairs: Sequence[ScoredPair], progress: Progress | None = None
) -> TokenVectors:
    """Read each pair's first text as a query and its second as a document."""

    def run(part: Sequence[ScoredPair]) -> list[tuple[Floats, Floats]]:
        queries = task.encode_query([pair.first for pair in part])
        documents = task.encode_document([pair.second for pair in part])
        return list(zip(queries, documents, strict=True))

    found = _chunked(pairs, run, progress)
    scores = [task.similarity(query, document)[0, 0] for query, document in found]
    vectors = np.concatenate([array for both in found for array in both])
    return TokenVectors(np.array(scores, np.float64), vectors)


def sparse_vectors(
    task: SparseEmbedding, texts: Sequence[str], progress: Progress | None = None
) -> SparseVectors:
    """Return a row a text."""
    rows = _chunked(texts, lambda part: list(task.encode(part)), progress)
    return SparseVectors.of(rows, task.dimension)


def probabilities(
    task: TextClassification, texts: Sequence[TextOrPair], progress: Progress | None = None
) -> NDArray[np.float64]:
    """Return every label's score, ``(texts, labels)``, in the order of the manifest's labels."""
    names = task.bundle.manifest.labels
    rows = _chunked(texts, lambda part: task.batch(part, top_k=len(names)), progress)
    table = np.zeros((len(texts), len(names)))
    for scores, row in zip(table, rows, strict=True):
        for label, score in row:
            scores[names.index(label)] = score
    return table


def choices(
    task: MultipleChoice, questions: Sequence[ChoiceQuestion], progress: Progress | None = None
) -> list[Choice]:
    """Return the best choice of each prompt."""
    pairs = [(question.prompt, question.choices) for question in questions]
    return _chunked(pairs, lambda part: [best for [best] in task.batch(part, top_k=1)], progress)


def tags(
    task: TokenClassification,
    sentences: Sequence[TaggedSentence],
    progress: Progress | None = None,
) -> list[list[tuple[str, float]]]:
    """Return each sentence's words' tags, with the letters of BIOES, and their scores."""
    scheme = read_scheme(task.bundle.manifest.labels)

    def tag(label: str) -> str:
        return str(scheme.get(label, label))

    def run(part: Sequence[TaggedSentence]) -> list[list[tuple[str, float]]]:
        texts = [sentence.text for sentence in part]
        found = task.batch(texts, aggregation_strategy="none", ignore_labels=())
        return [
            word_tags(sentence, [(tag(t.label), t.score, t.start, t.end) for t in tokens])
            for sentence, tokens in zip(part, found, strict=True)
        ]

    return _chunked(sentences, run, progress)


def _chunked(
    items: Sequence[T], run: Callable[[Sequence[T]], Sequence[R]], progress: Progress | None
) -> list[R]:
    results: list[R] = []
    for start in range(0, len(items), CHUNK):
        results += run(items[start : start + CHUNK])
        if progress is not None:
            progress(len(results), len(items))
    return results
