"""What is asked of a frontier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing.storage import sha256
from edge_distil.errors import InputError, TaskError
from edge_distil.evaluate.measures import MEASURES
from edge_distil_distil import Recipe
from edge_distil_distil.jobs import describe_data, describe_model
from edge_distil_distil.teachers.origin import Origin, find_origin


@dataclass(frozen=True)
class Request:
    """Which students are trained, and on what they are compared.

    Attributes:
        teachers: Who teaches; the first one is measured beside the students.
        layers: Numbers of layers, one a student.
        data: Files to learn from.
        evaluate: The file to score on.
        task: Where it is not what the teacher's files say.
        recipe: The numbers of each training.
        student: What the students begin as, where that is not the teacher.
        architecture: See `edge_distil_distil.distil`.
        random: The students begin with random weights.
        vocabulary_texts: Files whose texts the vocabulary is cut to; none cuts nothing.
        outside: ``"refuse"`` or ``"map"`` data that has other pieces.
        width: Neurons of the students' feed-forward; ``None`` leaves them.
        threads: That models are measured with.
        quick: Measure less.
    """

    teachers: Sequence[str]
    layers: Sequence[int]
    data: Sequence[Path]
    evaluate: Path
    task: str | None
    recipe: Recipe
    student: str | None
    architecture: str | None
    random: bool
    vocabulary_texts: Sequence[Path]
    outside: str
    width: int | None
    threads: int
    quick: bool = False

    def origin(self) -> Origin:
        """Return the teacher that is measured.

        Raises:
            TaskError: There is no measure for its task.
        """
        found = find_origin(self.teachers[0], self.task)
        if found.task not in MEASURES:
            raise TaskError(
                f"{found.name} is for {found.task}, which has no measure here, expected one of "
                f"{', '.join(MEASURES)}: train one student without --frontier"
            )
        return found

    def key(self) -> dict[str, Any]:
        """Return what decides each student, ready for JSON: not which there are."""
        files = [*self.data, self.evaluate, *self.vocabulary_texts]
        for file in files:
            if not file.is_file():
                raise InputError(f"there is no file {file}: check the path")
        return {
            "teachers": [describe_model(find_origin(name, self.task)) for name in self.teachers],
            "data": describe_data(self.data),
            "evaluate": sha256(self.evaluate),
            "task": self.task,
            "recipe": self.recipe.to_dict(),
            "student": self.student,
            "architecture": self.architecture,
            "random": self.random,
            "vocabulary_texts": describe_data(self.vocabulary_texts),
            "outside": self.outside,
            "width": self.width,
        }
