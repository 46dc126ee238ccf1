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
_PART = 256  # examples of a file: what is lost where the process is killed


def add_targets(
    examples: Examples, task: str, teachers: Sequence[Encoder], folder: Path, progress: Progress
) -> Examples:
    """Add what the teachers say, each under ``teacher_NAME``.

    Several teachers are one by the mean of their logits, which is the mean of their
    log-probabilities, and by the mean of their vectors of length 1.

    Args:
        examples: What they are asked.
        task: The task.
        teachers: One or more, of the same vocabulary and labels; embedders of any vocabulary.
        folder: Keeps it, part by part; the parts that are there are read.
        progress: Called with how many examples are done, and of how many.

    Raises:
        InputError: Teachers give numbers that cannot be averaged.
    """
    parts = []
    for start in range(0, len(examples), _PART):
        file = folder / f"{start:09}.npz"
        if not file.is_file():
            with atomic_file(file) as temporary, temporary.open("wb") as opened:
                np.savez(opened, **_asked(examples, start, task, teachers))  # type: ignore[arg-type]
        with np.load(file) as kept:
            parts.append({name: kept[name] for name in kept.files})
        progress(min(start + _PART, len(examples)), len(examples))
    for name in parts[0]:
        array = np.concatenate([part[name] for part in parts])
        if task in _PER_TOKEN:
            ends = np.cumsum(examples.lengths)[:-1]
            examples.token_targets[f"teacher_{name}"] = np.split(array, ends)
        else:
            examples.row_targets[f"teacher_{name}"] = array
    return examples


def _asked(
    examples: Examples, start: int, task: str, teachers: Sequence[Encoder]
) -> dict[str, Array]:
    """Ask all teachers of the examples of one part."""
    part = slice(start, start + _PART)
    if task in EMBEDDING:
        return {"vectors": _vectors(examples.texts[part], teachers)}
    names = (*_PER_TOKEN.get(task, ()), *_PER_ROW.get(task, ()))
    each = [_logits(teacher, examples, part, names, task in _PER_TOKEN) for teacher in teachers]
    for other in each:
        for name in names:
            one, two = (found[name].shape[1:] for found in (each[0], other))
            if one != two:
                raise InputError(
                    f"the teachers give {name} of {one} and {two} classes, expected the same "
                    "labels of all: choose teachers that were trained on one data set"
                )
    return {name: _mean([found[name] for found in each]) for name in names}


def _logits(
    teacher: Encoder, examples: Examples, part: slice, names: Sequence[str], per_token: bool
) -> dict[str, Array]:
    """Return one teacher's outputs, the tokens of all rows one after another."""
    rows = examples.rows[part]
    held: dict[int, dict[str, Array]] = {}
    for indices, found in teacher.run(rows, names):
        for place, index in enumerate(indices):
            end = len(rows[index]) if per_token else 1
            held[index] = {
                name: array[place, :end] if per_token else array[place : place + 1]
                for name, array in found.items()
            }
    return {name: np.concatenate([held[i][name] for i in range(len(rows))]) for name in names}


def _vectors(texts: Sequence[str], teachers: Sequence[Encoder]) -> Array:
    every = [Embedding(teacher).encode(texts, normalize_embeddings=True) for teacher in teachers]
    widths = {vectors.shape[1] for vectors in every}
    if len(widths) > 1:
        raise InputError(
            f"the teachers give vectors of {' and '.join(map(str, sorted(widths)))} numbers, "
            "expected one length of all: choose teachers of one dimension"
        )
    return _mean(every)


def _mean(arrays: Sequence[Array]) -> Array:
    return np.asarray(np.stack(arrays).mean(axis=0), np.float32)
