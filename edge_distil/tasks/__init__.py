"""The task objects: what a bundle does for its user, one file a task."""

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

# What `load` opens a bundle as: by the bundle's own task, or by a use that is asked for by name.
BY_NAME: dict[str, type[Task]] = {
    "feature-extraction": Embedding,
    "fill-mask": FillMask,
    "late-interaction": LateInteraction,
    "multiple-choice": MultipleChoice,
    "question-answering": QuestionAnswering,
    "reranking": Reranker,
    "sentence-similarity": Embedding,
    "sparse-embedding": SparseEmbedding,
    "text-classification": TextClassification,
    "token-classification": TokenClassification,
    "zero-shot-classification": ZeroShotClassification,
}

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
