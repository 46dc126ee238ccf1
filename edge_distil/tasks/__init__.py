"""The task objects: what a bundle does for its user, one file a task.

A program uses one or two of them, so each is imported when its name is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_distil.sparse.embedding import SparseEmbedding, WeightedToken
    from edge_distil.tasks.answers import Answer
    from edge_distil.tasks.base import Task
    from edge_distil.tasks.document import Document
    from edge_distil.tasks.embedding import Embedding
    from edge_distil.tasks.entities import Entity
    from edge_distil.tasks.fill_mask import Candidate, FillMask
    from edge_distil.tasks.late_interaction import LateInteraction
    from edge_distil.tasks.multiple_choice import Choice, MultipleChoice
    from edge_distil.tasks.question_answering import QuestionAnswering
    from edge_distil.tasks.reranking import Ranked, Reranker
    from edge_distil.tasks.text_classification import Label, TextClassification
    from edge_distil.tasks.token_classification import TokenClassification
    from edge_distil.tasks.zero_shot import ZeroShotClassification

__all__ = [
    "BY_NAME",
    "Answer",
    "Candidate",
    "Choice",
    "Document",
    "Embedding",
    "Entity",
    "FillMask",
    "Label",
    "LateInteraction",
    "MultipleChoice",
    "QuestionAnswering",
    "Ranked",
    "Reranker",
    "SparseEmbedding",
    "Task",
    "TextClassification",
    "TokenClassification",
    "WeightedToken",
    "ZeroShotClassification",
]

_MODULES = {
    "Answer": "tasks.answers",
    "Candidate": "tasks.fill_mask",
    "Choice": "tasks.multiple_choice",
    "Document": "tasks.document",
    "Embedding": "tasks.embedding",
    "Entity": "tasks.entities",
    "FillMask": "tasks.fill_mask",
    "Label": "tasks.text_classification",
    "LateInteraction": "tasks.late_interaction",
    "MultipleChoice": "tasks.multiple_choice",
    "QuestionAnswering": "tasks.question_answering",
    "Ranked": "tasks.reranking",
    "Reranker": "tasks.reranking",
    "SparseEmbedding": "sparse.embedding",
    "Task": "tasks.base",
    "TextClassification": "tasks.text_classification",
    "TokenClassification": "tasks.token_classification",
    "WeightedToken": "sparse.embedding",
    "ZeroShotClassification": "tasks.zero_shot",
}
_CLASSES = {
    "feature-extraction": "Embedding",
    "fill-mask": "FillMask",
    "late-interaction": "LateInteraction",
    "multiple-choice": "MultipleChoice",
    "question-answering": "QuestionAnswering",
    "reranking": "Reranker",
    "sentence-similarity": "Embedding",
    "sparse-embedding": "SparseEmbedding",
    "text-classification": "TextClassification",
    "token-classification": "TokenClassification",
    "zero-shot-classification": "ZeroShotClassification",
}


def _imported(name: str) -> Any:
    globals()[name] = value = getattr(import_module(f"edge_distil.{_MODULES[name]}"), name)
    return value


class _ByName(Mapping[str, "type[Task]"]):
    """The classes by task, each imported when it is looked up."""

    def __getitem__(self, task: str) -> type[Task]:
        found: type[Task] = _imported(_CLASSES[task])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


# What `load` opens a bundle as: by the bundle's own task, or by a use that is asked for by name.
BY_NAME: Mapping[str, type[Task]] = _ByName()

if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Import a task's name."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return _imported(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
