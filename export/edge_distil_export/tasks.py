"""Which of the six tasks a checkpoint serves."""

from __future__ import annotations

from typing import Any

from edge_distil._reading import sentence_modules
from edge_distil.errors import TaskError
from edge_distil.manifest import TASKS
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.families import check_family
from edge_distil_export.checkpoints.setfit import is_setfit

# What people also type, beyond the synonyms that optimum's TasksManager knows.
_SYNONYMS = {
    "embedding": "sentence-similarity",
    "embeddings": "sentence-similarity",
    "extractive-qa": "question-answering",
    "ner": "token-classification",
    "qa": "question-answering",
    "sentence-embedding": "sentence-similarity",
    "sentence-embeddings": "sentence-similarity",
    "sentence-transformers": "sentence-similarity",
}


def choose_task(source: Source, requested: str | None = None) -> str:
    """Choose the task: as requested, else as the checkpoint says.

    A directory with ``modules.json`` is an embedding model, or with SetFit's head a classifier; any
    other is what the class in ``config.json``'s ``architectures`` is for.

    Args:
        source: The checkpoint.
        requested: A name of `TASKS` or a synonym; ``None`` and ``"auto"`` ask the checkpoint.

    Raises:
        TaskError: The model is no encoder, the task is none of `TASKS`, or the checkpoint does
            not tell.
    """
    check_family(source)
    if requested is not None and requested != "auto":
        task = canonical_task(requested)
        if task not in TASKS:
            raise TaskError(f"task {requested!r} is unknown, expected one of {', '.join(TASKS)}")
        return task
    if is_setfit(source):
        return "text-classification"
    if sentence_modules.is_sentence_model(source.root):
        return "sentence-similarity"
    return _task_of_architecture(source)


def canonical_task(name: str) -> str:
    """Resolve a synonym; an unknown name comes back in lower case, with hyphens."""
    from optimum.exporters.tasks import TasksManager

    name = name.strip().lower().replace("_", "-")
    name = _SYNONYMS.get(name, name)
    # TasksManager takes sentence-similarity for a synonym of feature-extraction.
    return name if name in TASKS else str(TasksManager.map_from_synonym(name))


def _task_of_architecture(source: Source) -> str:
    name = source.architecture
    possible = f"give one with --task: {', '.join(TASKS)}"
    if name is None:
        raise TaskError(f"{source.name}'s config.json names no architecture: {possible}")
    task = _infer(name)
    if task is None:
        raise TaskError(f"{source.name} is a {name}, from which no task can be told: {possible}")
    if task not in TASKS:
        raise TaskError(
            f"{source.name} is a {name}, which is for {task}; edge-distil has encoders only: "
            f"choose another checkpoint, or {possible}"
        )
    return task


def _infer(architecture: str) -> str | None:
    import transformers
    from optimum.exporters.tasks import TasksManager

    model_class: Any = getattr(transformers, architecture, None)
    if model_class is None:
        return None
    try:
        return str(TasksManager.infer_task_from_model(model_class))
    except ValueError:
        return None
