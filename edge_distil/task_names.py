"""What people also call the tasks."""

from __future__ import annotations

from edge_distil import calls
from edge_distil._reading.printable import shown
from edge_distil.errors import TaskError
from edge_distil.manifest import TASKS

# The hub's names of auto classes, as optimum's TasksManager resolves them, and what people type.
_SYNONYMS = {
    "choice": "multiple-choice",
    "classification": "text-classification",
    "colbert": "late-interaction",
    "cross-encoder": "text-classification",
    "default": "feature-extraction",
    "embedding": "sentence-similarity",
    "embeddings": "sentence-similarity",
    "extractive-qa": "question-answering",
    "masked-lm": "fill-mask",
    "mlm": "fill-mask",
    "multi-vector": "late-interaction",
    "ner": "token-classification",
    "pretraining": "feature-extraction",
    "qa": "question-answering",
    "reranking": "text-classification",
    "sentence-embedding": "sentence-similarity",
    "sentence-embeddings": "sentence-similarity",
    "sentence-transformers": "sentence-similarity",
    "sequence-classification": "text-classification",
    "sparse": "sparse-embedding",
    "sparse-embeddings": "sparse-embedding",
    "sparse-encoder": "sparse-embedding",
    "splade": "sparse-embedding",
    "text-ranking": "text-classification",
    "zero-shot-classification": "text-classification",
}


def synonyms(task: str) -> list[str]:
    """Return the other names of a task."""
    return [name for name, known in _SYNONYMS.items() if known == task]


def task_named(name: str) -> str:
    """Return the task that a name stands for.

    >>> task_named("Masked_LM")
    'fill-mask'

    Raises:
        InputTypeError: It is no text.
        TaskError: It stands for none.
    """
    plain = calls.text(name, "task").strip().lower().replace("_", "-")
    task = _SYNONYMS.get(plain, plain)
    if task not in TASKS:
        raise TaskError(f"task {shown(name)} is unknown, expected one of {', '.join(TASKS)}")
    return task
