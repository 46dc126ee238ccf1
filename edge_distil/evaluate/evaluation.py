"""Score a task object on a labelled file, by the measure that its task is published with."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_distil._writing.storage import sha256
from edge_distil.errors import InputError, TaskError
from edge_distil.evaluate.kinds import expecting, needed_by
from edge_distil.evaluate.measures import MEASURES
from edge_distil.evaluate.predict import Progress
from edge_distil.evaluate.scored import gives_one_score

if TYPE_CHECKING:
    from edge_distil.tasks import Task


@dataclass(frozen=True)
class Evaluation:
    """How well a variant does on a file.

    Attributes:
        task: The bundle's task.
        variant: The variant that ran.
        metrics: Name -> percent; the first one is the task's main measure.
        count: Number of examples.
        data: The file's name.
        sha256: The file's hash.
        predictions: What the variant gave for each example, for `compare_predictions`.
    """

    task: str
    variant: str
    metrics: dict[str, float]
    count: int
    data: str
    sha256: str
    predictions: Any = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, ready for JSON: a metric that is not finite is None."""
        metrics = {k: v if math.isfinite(v) else None for k, v in self.metrics.items()}
        names = ("task", "variant", "metrics", "count", "data", "sha256")
        return {name: getattr(self, name) for name in names} | {"metrics": metrics}


def evaluate(
    task: Task,
    data_path: str | Path,
    *,
    limit: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Score a task object on a file.

    ==========================  ================================================  ============
    task                        file                                              main measure
    ==========================  ================================================  ============
    question-answering          SQuAD v1.1 or v2.0 JSON                           F1
    sentence-similarity,        ``sentence1, sentence2, score``                   Spearman
    feature-extraction,
    sparse-embedding
    late-interaction            the same: a query and a document                  Spearman
    text-classification         ``text, label``                                   accuracy
    ... with many labels        ``.json(l)`` with lists of labels                 micro F1
    ... of one score            ``sentence1, sentence2, score``                   Spearman
    token-classification        CoNLL with BIO tags                               entity F1
    multiple-choice             ``prompt, choices, label``                        accuracy
    ==========================  ================================================  ============

    Args:
        task: From `edge_distil.load`.
        data_path: The file; see `edge_distil.evaluate.files` for the row formats.
        limit: Score only the first so many examples.
        progress: Called with (done, total) from time to time.

    Raises:
        DataError: The file cannot be read, or its labels are not the model's.
        TaskError: There is no measure for the task.
        InputError: `limit` is less than 1.
    """
    manifest, path = task.bundle.manifest, Path(data_path)
    check_arguments(task, limit)
    with expecting(manifest.task, path, needed_by(manifest)):
        found = MEASURES[manifest.task](task, path, limit, progress)
    return Evaluation(
        task=manifest.task,
        variant=task.variant,
        metrics={name: float(value) for name, value in found.metrics.items()},
        count=found.count,
        data=path.name,
        sha256=sha256(path),
        predictions=found.predictions,
    )


def check_arguments(task: Task, limit: int | None) -> None:
    """Raise what `evaluate` and `compare` raise for a wrong task or limit."""
    if limit is not None and limit < 1:
        raise InputError(f"limit is {limit}, expected 1 or more: leave it out to use all rows")
    path, manifest = task.bundle.path, task.bundle.manifest
    several = manifest.problem_type == "regression" and not gives_one_score(manifest)
    if manifest.task not in MEASURES or several:
        kind = f"{manifest.problem_type or ''} {manifest.task}".strip()
        raise TaskError(
            f"{path} is for {kind}, which has no measure here, expected one of "
            f"{', '.join(MEASURES)}: choose another bundle"
        )
    if manifest.task.endswith("-classification") and not manifest.labels:
        raise TaskError(
            f"{path} names no labels, expected id2label in its config.json: add it, or export "
            "the checkpoint with edge-distil"
        )
