"""What teachers say of each example, computed once and kept: it does not change in training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from edge_distil._writing.storage import atomic_file
from edge_distil.encoder import Encoder
from edge_distil.errors import InputError
from edge_distil.tasks import Embedding
from edge_distil_distil.data.examples import Array, Examples
from edge_distil_distil.teachers.origin import EMBEDDING

Progress = Callable[[int, int], None]

_PER_TOKEN = {
    "question-answering": ("start_logits", "end_logits"),
    "token-classification": ("logits",),
}
_PER_ROW = {"text-classification": ("logits",)}
_BLOCK = 512  # examples between two reports of progress


def add_targets(
    examples: Examples, task: str, teachers: Sequence[Encoder], cache: Path, progress: Progress
) -> Examples:
    """Add what the teachers say, each under ``teacher_NAME``.

    Several teachers are one by the mean of their logits, which is the mean of their
    log-probabilities, and by the mean of their vectors of length 1.

    Args:
        examples: What they are asked.
        task: The task.
        teachers: One or more, of the same vocabulary and labels; embedders of any vocabulary.
        cache: The file to keep it in; read where it is there.
        progress: Called with how many examples are done, and of how many.

    Raises:
        InputError: Teachers give numbers that cannot be averaged.
    """
    if not cache.is_file():
        if task in EMBEDDING:
            found = {"vectors": _vectors(examples, teachers, progress)}
        else:
            found = _logits(examples, task, teachers, progress)
        with atomic_file(cache) as temporary, temporary.open("wb") as file:
            np.savez(file, **found)  # type: ignore[arg-type]  # numpy's stub takes no arrays by name
    with np.load(cache) as kept:
        found = {name: kept[name] for name in kept.files}
    for name, array in found.items():
        if name in _PER_TOKEN.get(task, ()):
            ends = np.cumsum([len(row) for row in examples.rows])[:-1]
            examples.token_targets[f"teacher_{name}"] = np.split(array, ends)
        else:
            examples.row_targets[f"teacher_{name}"] = array
    return examples


def _logits(
    examples: Examples, task: str, teachers: Sequence[Encoder], progress: Progress
) -> dict[str, Array]:
    names = (*_PER_TOKEN.get(task, ()), *_PER_ROW.get(task, ()))
    per_token = task in _PER_TOKEN
    total, done = len(examples.rows) * len(teachers), 0
    sums: dict[str, list[Array]] = {}
    for teacher in teachers:
        rows: dict[str, list[Array]] = {name: [] for name in names}
        for start in range(0, len(examples.rows), _BLOCK):
            block = examples.rows[start : start + _BLOCK]
            held: dict[int, dict[str, Array]] = {}
            for indices, found in teacher.run(block, names):
                for place, index in enumerate(indices):
                    end = len(block[index])
                    held[index] = {
                        n: a[place, :end] if per_token else a[place] for n, a in found.items()
                    }
            for index in range(len(block)):
                for name in names:
                    rows[name].append(held[index][name])
            done += len(block)
            progress(done, total)
        for name, arrays in rows.items():
            sums[name] = _added(sums[name], arrays, name) if name in sums else arrays
    join = np.concatenate if per_token else np.stack
    return {name: join(arrays) / np.float32(len(teachers)) for name, arrays in sums.items()}


def _added(one: list[Array], other: list[Array], name: str) -> list[Array]:
    if one[0].shape != other[0].shape:
        raise InputError(
            f"the teachers give {name} of {one[0].shape[-1]} and {other[0].shape[-1]} classes, "
            "expected the same labels of all: choose teachers that were trained on one data set"
        )
    return [a + b for a, b in zip(one, other, strict=True)]


def _vectors(examples: Examples, teachers: Sequence[Encoder], progress: Progress) -> Array:
    total, done = len(examples.texts) * len(teachers), 0
    every: list[Array] = []
    for teacher in teachers:
        blocks = []
        for start in range(0, len(examples.texts), _BLOCK):
            block = examples.texts[start : start + _BLOCK]
            blocks.append(Embedding(teacher).encode(block))
            done += len(block)
            progress(done, total)
        vectors = np.concatenate(blocks)
        every.append(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(min=1e-12))
    widths = {vectors.shape[1] for vectors in every}
    if len(widths) > 1:
        raise InputError(
            f"the teachers give vectors of {' and '.join(map(str, sorted(widths)))} numbers, "
            "expected one length of all: choose teachers of one dimension"
        )
    return np.asarray(np.stack(every).mean(axis=0), np.float32)
