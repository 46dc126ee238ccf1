"""Which of the tasks a checkpoint serves."""

from __future__ import annotations

from typing import Any

from edge_distil._reading import sentence_modules, sparse_modules
from edge_distil.errors import TaskError
from edge_distil.manifest import TASKS
from edge_distil.task_names import task_named
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.families import check_family
from edge_distil_export.checkpoints.late_interaction import is_late
from edge_distil_export.checkpoints.remote_code import class_references
from edge_distil_export.checkpoints.setfit import is_setfit

_OF_TABLES = ("sentence-similarity", "text-classification")  # the latter by SetFit's head


def choose_task(source: Source, requested: str | None = None) -> str:
    """Choose the task: as requested, else as the checkpoint says.

    A directory with ``modules.json`` is an embedding model, one of late interaction or of sparse
    vectors if its settings say so, or with SetFit's head a classifier; any other is what the class
    in ``config.json``'s ``architectures`` is for.

    Args:
        source: The checkpoint.
        requested: A name of `TASKS` or a synonym; ``None`` and ``"auto"`` ask the checkpoint.

    Raises:
        TaskError: The model is no encoder, the task is none of `TASKS`, or the checkpoint does
            not tell.
    """
    named = None if requested in (None, "auto") else task_named(requested)
    check_family(source, named)
    task = named or _choose(source)
    if source.static is not None and task not in _OF_TABLES:
        raise TaskError(
            f"{source.name} is a table of static embeddings, which embeds texts; got --task "
            f"{task}, expected {_OF_TABLES[0]}: leave it out"
        )
    return task


def _choose(source: Source) -> str:
    if is_setfit(source):
        return "text-classification"
    if source.static is None and is_late(source):
        return "late-interaction"
    if source.static is not None or sentence_modules.is_sentence_model(source.root):
        return "sentence-similarity"
    if sparse_modules.is_sparse_model(source.root):
        return "sparse-embedding"
    return _task_of_architecture(source)


def _task_of_architecture(source: Source) -> str:
    name = source.architecture
    possible = f"give one with --task: {', '.join(TASKS)}"
    if name is None:
        raise TaskError(f"{source.name}'s config.json names no architecture: {possible}")
    task = _infer(name) or _infer_from_code(source, name)
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

    # TensorFlow's classes had the names of PyTorch's behind these two letters.
    model_class: Any = getattr(transformers, architecture.removeprefix("TF"), None)
    if model_class is None:
        return None
    try:
        return str(TasksManager.infer_task_from_model(model_class))
    except ValueError:
        return None


def _infer_from_code(source: Source, architecture: str) -> str | None:
    """Return what a class of the checkpoint's own code is for, as its ``auto_map`` says."""
    for auto, references in class_references(source).items():
        if auto.startswith("AutoModel") and any(
            reference.rpartition(".")[2] == architecture for reference in references
        ):
            return _infer(auto)
    return None
