"""`distil`: teacher -> student, the whole way."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_distil._writing import staging
from edge_distil.errors import DataError, InputError, TaskError
from edge_distil_distil import jobs, processes
from edge_distil_distil.output import RECORD, check_apart, check_student
from edge_distil_distil.quiet import quiet_libraries
from edge_distil_distil.recipe import ARCHITECTURES, Recipe
from edge_distil_distil.status import Status
from edge_distil_distil.teachers.origin import EMBEDDING, Origin, find_origin

Teacher = str | Path
_SAVE_EVERY = 300.0  # seconds between two checkpoints
_LOOK_EVERY = 300.0  # and between two looks at the evaluation file


@dataclass(frozen=True)
class Distilled:
    """A student.

    Attributes:
        path: Its directory, a checkpoint that `edge_distil_export` and transformers take.
        task: What it is for.
        layers: Which of the layers of what it began as it has.
        parameters: Number of its weights.
        scores: Measure -> percent on the evaluation file, the main one first.
        teacher_scores: The same of the teacher.
        record: All that is known of its making, as in ``edge_distil_student.json``.
    """

    path: Path
    task: str
    layers: tuple[int, ...]
    parameters: int
    scores: Mapping[str, float]
    teacher_scores: Mapping[str, float]
    record: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Job:
    """A training, as asked for.

    Attributes:
        teachers: Who teaches.
        begins_as: The checkpoint whose layers the student begins with.
        data: Files to learn from.
        evaluate: The file to score on.
        layers: How many layers, or which.
        architecture: One of `ARCHITECTURES`.
        random: The student begins with random weights.
        recipe: A settled one.
        work: Holds what is not finished.
        answers: Holds what teachers said, for other students of theirs; ``None`` is within `work`.
        save_every: Seconds between two checkpoints.
        look_every: Seconds between two looks at the evaluation file.
        tensorboard: Takes what TensorBoard shows.
        tell: Hears how far it is.
        say: Hears one line at the start of every stage.
    """

    teachers: tuple[Origin, ...]
    begins_as: Origin
    data: tuple[Path, ...]
    evaluate: Path | None
    layers: int | tuple[int, ...]
    architecture: str
    random: bool
    recipe: Recipe
    work: Path
    answers: Path | None
    save_every: float
    look_every: float
    tensorboard: Path | None
    tell: Callable[[Status], None]
    say: Callable[[str], None]

    @property
    def task(self) -> str:
        """The task."""
        return self.begins_as.task

    def identity(self) -> dict[str, Any]:
        """Return what decides the result, ready for JSON."""
        return {
            "teachers": [jobs.describe_model(origin) for origin in self.teachers],
            "student": jobs.describe_model(self.begins_as),
            "task": self.task,
            "data": jobs.describe_data(self.data),
            "layers": self.layers if isinstance(self.layers, int) else list(self.layers),
            "architecture": self.architecture,
            "random": self.random,
            "recipe": self.recipe.to_dict(),
        }

    def asked(self) -> dict[str, Any]:
        """Return what decides what the teachers say, ready for JSON."""
        names = ("teachers", "student", "task", "data", "architecture")
        identity = self.identity()
        return {
            **{name: identity[name] for name in names},
            "max_length": self.recipe.max_length,
            "precision": self.recipe.precision,
        }


def distil(
    teacher: Teacher | Sequence[Teacher],
    output: str | Path,
    *,
    data: str | Path | Sequence[str | Path],
    layers: int | Sequence[int],
    task: str | None = None,
    evaluate: str | Path | None = None,
    student: Teacher | None = None,
    architecture: str | None = None,
    random: bool = False,
    recipe: Recipe | None = None,
    overwrite: bool = False,
    resume: bool = False,
    save_minutes: float = _SAVE_EVERY / 60,
    answers: str | Path | None = None,
    tensorboard: str | Path | None = None,
    progress: Callable[[Status], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> Distilled:
    """Train a smaller student to do what a teacher does.

    Interrupted or killed, the same call goes on with what is kept beside the output, in
    ``.NAME.training``: after a number of passes with the same weights as without the interruption.
    Started by torchrun, its processes train one student, a device each.

    Args:
        teacher: A checkpoint's directory or hub id, or a bundle; several are one by the mean of
            their logits, embedders by the mean of their vectors.
        output: The student's directory; it appears only when all went well.
        data: What to learn from, one file or several: SQuAD JSON, labelled texts or CoNLL as for
            `edge_distil.evaluate`; for embeddings and fill-mask texts (txt, jsonl, csv, Parquet).
        layers: How many layers the student has, spread evenly over the teacher's, or which.
        task: Where it is not what the teacher's files say; a synonym will do.
        evaluate: A file to score student and teacher on.
        student: The checkpoint whose layers the student begins with, where that is not the
            (first) teacher: needed where the teacher is a bundle.
        architecture: ``"same"`` as what it begins with, or ``"distilbert"`` for a BERT, without
            token types and pooler; by default as published: that for fill-mask, else the same.
        random: Begin with random weights.
        recipe: The numbers of the training.
        overwrite: Replace the student that is at `output`, and begin anew.
        resume: Fail where there is nothing to go on with.
        save_minutes: Between two checkpoints.
        answers: A directory that keeps what the teachers say, for other students of the same
            teachers and data, who then need not ask them; it is the caller's to remove.
        tensorboard: A directory that takes what TensorBoard shows.
        progress: Called from time to time.
        notice: Called with one line at the start of every stage.

    Raises:
        BundleExists: `output` holds something, and `overwrite` is False or it is no student.
        CheckpointError: A teacher or the student's checkpoint cannot be found or read.
        DataError: A data file cannot be read.
        DistilError: The teacher's kind has no smaller student.
        InputError: An argument is out of range, or another training lies beside `output`.
        StorageError: `output` cannot be written.
        TaskError: The task cannot be told, or a teacher does not serve it.
    """
    output = Path(output)
    work = jobs.work_folder(output.absolute())
    job = _job(
        teacher, student, data, evaluate, layers, task, architecture, random,
        recipe or Recipe(), work, answers, save_minutes, tensorboard, progress, notice,
    )  # fmt: skip
    for teacher_ in (*job.teachers, job.begins_as):
        check_apart(teacher_.path, output)
    make = _make if processes.is_first() else _help
    record = make(job, output, overwrite=overwrite, resume=resume)
    scores = record["scores"] or {}
    return Distilled(
        output, job.task, tuple(record["student"]["layers"]), record["student"]["parameters"],
        scores.get("student", {}), scores.get("teacher", {}), record,
    )  # fmt: skip


def _make(job: Job, output: Path, *, overwrite: bool, resume: bool) -> dict[str, Any]:
    """Do a job and return its record."""
    replaceable = check_student if overwrite else None
    with staging.staged_directory(output, replaceable=replaceable) as staged, quiet_libraries():
        anew = overwrite and not resume
        if jobs.open_work(job.work, job.identity(), anew=anew, must_go_on=resume):
            job.say(f"going on with {job.work.name}")
        from edge_distil_distil.making import make

        with jobs.leaving_work(job.work):
            record = make(job, staged)
    jobs.close_work(job.work)
    processes.meet()
    return record


def _help(job: Job, output: Path, *, overwrite: bool, resume: bool) -> dict[str, Any]:
    """Train beside the first process and return the record that it wrote."""
    from edge_distil_distil.making import train_along

    with quiet_libraries():
        train_along(job)
    processes.meet()
    record: dict[str, Any] = json.loads((output / RECORD).read_text(encoding="utf-8"))
    return record


def _job(
    teacher: Teacher | Sequence[Teacher],
    student: Teacher | None,
    data: str | Path | Sequence[str | Path],
    evaluate: str | Path | None,
    layers: int | Sequence[int],
    task: str | None,
    architecture: str | None,
    random: bool,
    recipe: Recipe,
    work: Path,
    answers: str | Path | None,
    save_minutes: float,
    tensorboard: str | Path | None,
    progress: Callable[[Status], None] | None,
    notice: Callable[[str], None] | None,
) -> Job:
    names = [teacher] if isinstance(teacher, str | Path) else list(teacher)
    if not names:
        raise InputError("there is no teacher, expected one or more: name a checkpoint")
    teachers = tuple(find_origin(name, task) for name in names)
    begins_as = find_origin(student, task or teachers[0].task) if student else teachers[0]
    _check(teachers, begins_as, architecture)
    settled = recipe.settled(begins_as.task)
    if settled.is_live and (len(teachers) > 1 or teachers[0].is_bundle):
        raise InputError(
            "the losses cosine, hidden, attention and relations look inside the teacher, expected "
            "one checkpoint for them: give one, or set their weights to 0"
        )
    files = [data] if isinstance(data, str | Path) else list(data)
    for file in (*files, *([evaluate] if evaluate else [])):
        if not Path(file).is_file():
            raise DataError(f"cannot read {file} (no such file): check the path")
    usual = "distilbert" if (begins_as.task, _kind(begins_as)) == ("fill-mask", "bert") else "same"
    return Job(
        teachers, begins_as, tuple(Path(file) for file in files),
        Path(evaluate) if evaluate else None,
        layers if isinstance(layers, int) else tuple(layers),
        architecture or usual, random, settled, work, Path(answers) if answers else None,
        60 * save_minutes, _LOOK_EVERY,
        Path(tensorboard) if tensorboard else None,
        progress or (lambda _: None), notice or (lambda _: None),
    )  # fmt: skip


def _kind(origin: Origin) -> str | None:
    return origin.manifest.checkpoint.model_type


def _check(teachers: Sequence[Origin], begins_as: Origin, architecture: str | None) -> None:
    if architecture not in (None, *ARCHITECTURES):
        raise InputError(
            f"architecture is {architecture!r}, expected one of {', '.join(ARCHITECTURES)}"
        )
    task = begins_as.task
    for origin in teachers:
        if origin.task != task and not {origin.task, task} <= {*EMBEDDING}:
            raise TaskError(
                f"{origin.name} is for {origin.task}, expected {task} as for the student: choose "
                "teachers of one task"
            )
    pooling = begins_as.manifest.pooling
    if task in EMBEDDING and pooling is not None and pooling.mode not in ("mean", "cls"):
        raise TaskError(
            f"{begins_as.name} pools by {pooling.mode}, expected mean or cls for a student: choose "
            "another checkpoint"
        )
