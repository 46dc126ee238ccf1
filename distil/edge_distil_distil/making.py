"""From a job to the student's files."""

from __future__ import annotations

import dataclasses
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer as FastTokenizer

import edge_distil
from edge_distil._writing.storage import sha256
from edge_distil.encoder import Encoder, open_encoder
from edge_distil.errors import InputError, TaskError
from edge_distil.manifest import Manifest
from edge_distil_distil import jobs, processes
from edge_distil_distil.api import Job
from edge_distil_distil.card import card
from edge_distil_distil.data import Examples, read_examples
from edge_distil_distil.data.examples import Batches
from edge_distil_distil.output import RECORD, copy_tokenizer, write_json
from edge_distil_distil.scoring import masking, score, score_student
from edge_distil_distil.status import Status
from edge_distil_distil.students.begin import begin
from edge_distil_distil.teachers.origin import EMBEDDING
from edge_distil_distil.teachers.targets import add_targets
from edge_distil_distil.teachers.torch_session import model_inputs, torch_encoder
from edge_distil_distil.training import Distillation, Plan, Trained, train

_LOOKED_AT = 200  # examples of the evaluation file, on the way


@dataclass(frozen=True)
class _Prepared:
    """A training before its first step, which of the origin's layers the student has, its size."""

    plan: Plan
    layers: tuple[int, ...]
    of_origin: int


def make(job: Job, folder: Path) -> dict[str, Any]:
    """Train the student of a job and write it.

    Args:
        job: What is asked for.
        folder: Takes the student's files.

    Returns:
        The record of its making.
    """
    copy_tokenizer(job.begins_as.path, folder, distilbert=job.architecture == "distilbert")
    prepared = _prepare(job, folder)
    student = prepared.plan.distillation.student
    trained = train(prepared.plan)
    student.eval()
    student.save_pretrained(folder)
    shutil.copymode(folder / "config.json", folder / "model.safetensors")  # its own are private
    record = _record(job, prepared, trained)
    record["scores"] = _scores(job, student, folder)
    write_json(folder / RECORD, record)
    (folder / "README.md").write_text(card(record), encoding="utf-8")
    return record


def train_along(job: Job) -> None:
    """Train in a process beside the one that makes the student."""
    train(_prepare(job, job.begins_as.path).plan)


def _prepare(job: Job, folder: Path) -> _Prepared:
    """Get everything ready for the first step; `folder` holds the student's tokenizer."""
    recipe, manifest = job.recipe, _manifest(job)
    if recipe.precision == "fp16" and not torch.accelerator.is_available():
        raise InputError("precision is 'fp16', which needs a GPU, expected fp32 or bf16 here")
    job.say(f"loading {job.begins_as.name} for {job.task}")
    origin = job.begins_as.load()
    student, layers = begin(
        origin, job.layers, job.architecture,
        random=job.random, seed=recipe.seed, dropout=recipe.dropout,
    )  # fmt: skip
    reader = torch_encoder(student, folder, manifest)
    if job.task == "fill-mask" and reader.tokenizer.mask_id is None:
        raise TaskError(
            f"{job.begins_as.name}'s tokenizer has no mask token, which fill-mask needs"
        )
    examples = read_examples(job.data, manifest, reader.tokenizer)
    job.say(f"{len(examples):,} examples, {sum(examples.lengths):,} tokens")
    live = _live_teacher(job, origin)
    if _needs_targets(job, live):
        examples = _taught(job, examples)
    torch.manual_seed(recipe.seed)
    distillation = Distillation(student, job.task, recipe, _pooling(manifest), live)
    plan = _plan(job, distillation, examples, reader, manifest, folder, live)
    return _Prepared(plan, layers, sum(p.numel() for p in origin.parameters()))


def _manifest(job: Job) -> Manifest:
    manifest = job.begins_as.manifest
    longest = min(manifest.max_length, job.recipe.max_length or manifest.max_length)
    return dataclasses.replace(manifest, max_length=longest)


def _pooling(manifest: Manifest) -> str:
    return manifest.pooling.mode if manifest.pooling is not None else "mean"


def _live_teacher(job: Job, origin: Any) -> Any:
    """Return the teacher that runs beside the student, where it must."""
    masked = job.task == "fill-mask" and "soft" in job.recipe.weights
    if not (job.recipe.is_live or masked):
        return None
    [teacher] = job.teachers if len(job.teachers) == 1 else (None,)
    if teacher is None or teacher.is_bundle:
        raise InputError(
            "what is masked changes with every pass, so the teacher runs along, expected one "
            "checkpoint for fill-mask: give one"
        )
    _check_vocabulary(job, teacher.path)
    return origin if teacher == job.begins_as else teacher.load()


def _needs_targets(job: Job, live: Any) -> bool:
    """Whether the teachers are asked beforehand; one that runs along gives its logits itself."""
    weights = job.recipe.weights
    return "vectors" in weights or ("soft" in weights and live is None)


def _taught(job: Job, examples: Examples) -> Examples:
    """Add what the teachers say of the examples."""
    if not processes.is_first():
        processes.meet()  # the first process has asked them
    encoders = [_encoder(job, place) for place in range(len(job.teachers))]
    if job.task not in EMBEDDING:
        for teacher in job.teachers:
            _check_vocabulary(job, teacher.path)
    job.say(f"{' and '.join(t.name for t in job.teachers)} reads the examples")

    def tell(done: int, total: int) -> None:
        job.tell(Status("teaching", done, total, 0.0, {}, None))

    taught = add_targets(examples, job.task, encoders, jobs.answers_folder(job), tell)
    if processes.is_first():
        processes.meet()
    return taught


def _encoder(job: Job, place: int) -> Encoder:
    teacher = job.teachers[place]
    if teacher.is_bundle:
        return open_encoder(teacher.path, bulk=True)
    model = teacher.load().to("cuda" if torch.cuda.is_available() else "cpu")
    half = job.recipe.precision == "bf16"
    return torch_encoder(model, teacher.path, teacher.manifest, half=half)


def _check_vocabulary(job: Job, other: Path) -> None:
    """Refuse a teacher that reads other token ids than the student."""
    files = [path / "tokenizer.json" for path in (job.begins_as.path, other)]
    if files[0] == files[1] or not all(file.is_file() for file in files):
        return
    one, two = (FastTokenizer.from_file(str(file)).get_vocab() for file in files)
    if one != two:
        raise InputError(
            f"{other.name} and {job.begins_as.name} have different vocabularies, expected one of "
            "teacher and student: choose a teacher with the student's tokenizer"
        )


def _plan(
    job: Job,
    distillation: Distillation,
    examples: Examples,
    reader: Encoder,
    manifest: Manifest,
    folder: Path,
    live: Any,
) -> Plan:
    taken = [model_inputs(model) for model in (distillation.student, live) if model is not None]
    tokenizer, evaluate = reader.tokenizer, job.evaluate
    masked = masking(reader, job.recipe.seed) if job.task == "fill-mask" else None
    batches = Batches(
        examples, max(taken, key=len), tokenizer.pad_id, tokenizer.token_types or live is not None,
        masked,
    )  # fmt: skip

    def look() -> dict[str, float]:
        assert evaluate is not None
        return score_student(distillation.student, folder, manifest, evaluate, _LOOKED_AT)

    return Plan(
        distillation, batches, job.recipe, job.work, job.save_every,
        look if evaluate is not None else None, job.look_every, job.tell, job.tensorboard,
    )  # fmt: skip


def _scores(job: Job, student: Any, folder: Path) -> Mapping[str, Any] | None:
    if job.evaluate is None:
        return None
    job.say(f"scoring on {job.evaluate.name}")
    scores: dict[str, Any] = {
        "data": job.evaluate.name,
        "sha256": sha256(job.evaluate),
        "student": score_student(student, folder, job.begins_as.manifest, job.evaluate),
    }
    if len(job.teachers) == 1:
        teacher = job.teachers[0]
        scores["teacher"] = (
            score(open_encoder(teacher.path), job.evaluate)
            if teacher.is_bundle
            else score_student(teacher.load(), teacher.path, teacher.manifest, job.evaluate)
        )
    return scores


def _record(job: Job, prepared: _Prepared, trained: Trained) -> dict[str, Any]:
    student = prepared.plan.distillation.student
    on_cpu = student.device.type == "cpu"
    return {
        "version": edge_distil.__version__,
        "task": job.task,
        "teachers": [jobs.describe_model(teacher) for teacher in job.teachers],
        "student": {
            "from": job.begins_as.name,
            "class": type(student).__name__,
            "layers": list(prepared.layers),
            "random": job.random,
            "parameters": sum(p.numel() for p in student.parameters()),
            "parameters_of_origin": prepared.of_origin,
            "new": "pre_classifier" if hasattr(student, "pre_classifier") else "",
        },
        "data": jobs.describe_data(job.data),
        "examples": len(prepared.plan.batches.examples),
        "recipe": job.recipe.to_dict(),
        "run": dataclasses.asdict(trained)
        | {
            "device": platform.machine() if on_cpu else torch.cuda.get_device_name(),
            "threads": torch.get_num_threads(),
            "processes": processes.count(),
        },
    }
