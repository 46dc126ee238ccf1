"""What every task says of texts, alone and in company: for the tests of equal bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import edge_distil as ed

WORDS = (
    "the old light house keeper lives in London and Paris a charming film no dull storm Ada works "
    "for acme quick brown fox jumps over lazy dogs 1,024 99.5% café 東京 river sea"
).split()
LABELS = ("a film", "the sea and a storm")  # of zero-shot classification


def inputs(task: Any, texts: Sequence[str]) -> list[Any]:
    """Make inputs of the task's kind, of the same lengths."""
    if isinstance(task, ed.QuestionAnswering):
        return [("Who keeps the light?", text or "Ada") for text in texts]
    if isinstance(task, ed.Reranker):
        return [("Who keeps the light?", text) for text in texts]
    if isinstance(task, ed.MultipleChoice):
        return [(text, ["a film", text, "the sea"][: 1 + len(text) % 3]) for text in texts]
    if isinstance(task, ed.FillMask):
        mask = task.encoder.tokenizer.mask_token
        return [f"the {mask} {text}" for text in texts]
    if isinstance(task, ed.ZeroShotClassification):
        return [text or "Ada" for text in texts]
    return list(texts)


def one(task: Any, given: Any) -> Any:
    """Return what the task says of one input, numbers as their bytes."""
    if isinstance(task, ed.Embedding):
        return task.encode(given).tobytes()
    if isinstance(task, ed.LateInteraction):
        return task.encode_query(given).tobytes(), task.encode_document(given).tobytes()
    if isinstance(task, ed.SparseEmbedding):
        return _bytes(task.encode(given))
    if isinstance(task, ed.QuestionAnswering):
        return task.batch([given], top_k=3)[0]
    if isinstance(task, ed.Reranker):
        return task(given[0], [given[1]])[0].score
    if isinstance(task, ed.ZeroShotClassification):
        return task(given, LABELS)
    if isinstance(task, ed.MultipleChoice):
        return task(*given)
    if isinstance(task, ed.TextClassification):
        return task(given, top_k=None)
    if isinstance(task, ed.FillMask):
        return task(given)
    return task(given, aggregation_strategy="none", ignore_labels=())


def _bytes(vector: ed.SparseVector) -> tuple[bytes, bytes]:
    return vector.indices.tobytes(), vector.values.tobytes()


def many(task: Any, given: Sequence[Any]) -> list[Any]:
    """Return what the task says of many inputs, run together."""
    if isinstance(task, ed.Embedding):
        return [np.asarray(vector).tobytes() for vector in task.encode(list(given))]
    if isinstance(task, ed.LateInteraction):
        both = zip(task.encode_query(given), task.encode_document(given), strict=True)
        return [(query.tobytes(), document.tobytes()) for query, document in both]
    if isinstance(task, ed.SparseEmbedding):
        return [_bytes(vector) for vector in task.encode(given)]
    if isinstance(task, ed.QuestionAnswering):
        return task.batch(given, top_k=3)
    if isinstance(task, ed.Reranker):
        return task.score(given).tolist()
    if isinstance(task, ed.ZeroShotClassification):
        return task.batch(given, LABELS)
    if isinstance(task, ed.MultipleChoice):
        return list(task.stream(given))
    if isinstance(task, ed.TextClassification):
        return task.batch(given, top_k=None)
    if isinstance(task, ed.FillMask):
        return list(task.stream(given))
    return task.batch(given, aggregation_strategy="none", ignore_labels=())


def differences(task: Any, texts: Sequence[str], random: Any) -> list[Any]:
    """Return the inputs of which a task says another thing in company than alone."""
    given = inputs(task, texts)
    alone = [one(task, item) for item in given]
    order = [index for index in range(len(given)) for _ in range(random.randint(1, 3))]
    random.shuffle(order)
    found = many(task, [given[index] for index in order])
    return [given[index] for index, said in zip(order, found, strict=True) if said != alone[index]]
