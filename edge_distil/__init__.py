"""edge-distil: run small, proven transformer encoders with numpy, onnxruntime and tokenizers.

>>> import edge_distil as ed
>>> qa = ed.load("qa/", variant="int8")  # doctest: +SKIP
>>> qa("Who wrote it?", "Ada Lovelace wrote it.")  # doctest: +SKIP
Answer(text='Ada Lovelace', score=0.98, start=0, end=12)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from edge_distil import errors, privacy  # noqa: F401 - acts before onnxruntime is imported
from edge_distil.errors import EdgeDistilError

if TYPE_CHECKING:
    from edge_distil.bundle import Bundle, open_bundle
    from edge_distil.sparse import SparseVector, SparseVectors
    from edge_distil.tasks import (
        Answer,
        Candidate,
        Choice,
        Document,
        Embedding,
        Entity,
        FillMask,
        Label,
        LateInteraction,
        MultipleChoice,
        QuestionAnswering,
        Ranked,
        Reranker,
        SparseEmbedding,
        Task,
        TextClassification,
        TokenClassification,
        WeightedToken,
        ZeroShotClassification,
    )
    from edge_distil.tasks.loading import load

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Bundle",
    "Candidate",
    "Choice",
    "Document",
    "EdgeDistilError",
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
    "SparseVector",
    "SparseVectors",
    "Task",
    "TextClassification",
    "TokenClassification",
    "WeightedToken",
    "ZeroShotClassification",
    "__version__",
    "errors",
    "load",
    "open_bundle",
]

# Where a name is that is imported when it is first asked for: numpy and onnxruntime take a tenth
# of a second each, which a program pays that only reads a manifest, or asks for the version.
_BUNDLE, _LOADING, _TASKS = "edge_distil.bundle", "edge_distil.tasks.loading", "edge_distil.tasks"
_SPARSE = "edge_distil.sparse"
_PLACES = {
    "Bundle": _BUNDLE, "open_bundle": _BUNDLE, "load": _LOADING,
    "SparseVector": _SPARSE, "SparseVectors": _SPARSE,
}  # fmt: skip

if not TYPE_CHECKING:  # a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        """Import a public name."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(_PLACES.get(name, _TASKS)), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
