"""edge-distil: run small, proven transformer encoders with numpy, onnxruntime and tokenizers.

>>> import edge_distil as ed
>>> qa = ed.load("qa/", variant="int8")  # doctest: +SKIP
>>> qa("Who wrote it?", "Ada Lovelace wrote it.")  # doctest: +SKIP
Answer(text='Ada Lovelace', score=0.98, start=0, end=12)
"""

from __future__ import annotations

from edge_distil import errors, privacy  # noqa: F401 - acts before onnxruntime is imported
from edge_distil.bundle import Bundle, open_bundle
from edge_distil.errors import EdgeDistilError
from edge_distil.tasks import (
    Answer,
    Candidate,
    Embedding,
    Entity,
    FillMask,
    Label,
    QuestionAnswering,
    Task,
    TextClassification,
    TokenClassification,
)
from edge_distil.tasks.loading import load

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Bundle",
    "Candidate",
    "EdgeDistilError",
    "Embedding",
    "Entity",
    "FillMask",
    "Label",
    "QuestionAnswering",
    "Task",
    "TextClassification",
    "TokenClassification",
    "__version__",
    "errors",
    "load",
    "open_bundle",
]
