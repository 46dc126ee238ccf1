"""Which training a hidden folder holds, so that only the same one goes on with it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_distil._writing.storage import atomic_file, make_folder, sha256
from edge_distil.errors import InputError
from edge_distil_distil.teachers.origin import Origin

if TYPE_CHECKING:
    from edge_distil_distil.api import Job

_FILE = "job.json"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "onnx/*.onnx")


def work_folder(output: Path) -> Path:
    """Return the hidden folder beside an output that holds its training until it is done."""
    return output.with_name(f".{output.name}.training")


def answers_folder(job: Job) -> Path:
    """Return where what the teachers of a job say is kept: one folder for all that ask the same."""
    if job.answers is None:
        return job.work / "targets"
    asked = json.dumps(job.asked(), sort_keys=True)
    return job.answers / hashlib.sha256(asked.encode()).hexdigest()[:16]


def describe_model(origin: Origin) -> dict[str, Any]:
    """Say which model one is, by its weights."""
    files = sorted(file for pattern in _WEIGHTS for file in origin.path.glob(pattern))
    return {"name": origin.name, "weights": {file.name: sha256(file) for file in files}}


def describe_data(paths: Iterable[Path]) -> dict[str, str]:
    """Say which data files these are, by their content."""
    return {path.name: sha256(path) for path in paths}


def open_work(folder: Path, job: dict[str, Any], *, anew: bool, must_go_on: bool) -> bool:
    """Make the folder of a training, or find it again.

    Args:
        folder: See `work_folder`.
        job: What decides the result, ready for JSON.
        anew: Throw away what is there.
        must_go_on: There must be something.

    Returns:
        Whether there is something to go on with.

    Raises:
        InputError: It holds another training, or nothing where something must be.
    """
    text = json.dumps(job, indent=2, sort_keys=True)
    file = folder / _FILE
    if anew:
        shutil.rmtree(folder, ignore_errors=True)
    if file.is_file() and _holds_work(folder):
        other = file.read_text(encoding="utf-8")
        if other == text:
            return True
        raise InputError(
            f"{folder} holds an unfinished training with another {_difference(other, job)}: give "
            "the same command to go on with it, or --force (overwrite=True) to begin anew"
        )
    if must_go_on:
        raise InputError(
            f"there is no unfinished training at {folder}, expected one to go on with: leave "
            "--resume out to begin"
        )
    make_folder(folder)
    with atomic_file(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return False


def _holds_work(folder: Path) -> bool:
    """Say whether there is more than the record: what failed at once leaves nothing to keep."""
    return any(path.name != _FILE for path in folder.iterdir())


@contextmanager
def leaving_work(folder: Path) -> Iterator[None]:
    """Where a training fails before there is anything of it, leave no folder behind."""
    try:
        yield
    except BaseException:
        if folder.is_dir() and not _holds_work(folder):
            close_work(folder)
        raise


def close_work(folder: Path) -> None:
    """Remove the folder of a training whose student is in its place."""
    shutil.rmtree(folder, ignore_errors=True)


def _difference(other: str, job: dict[str, Any]) -> str:
    """Name the first thing in which two trainings differ."""
    try:
        found = json.loads(other)
    except ValueError:
        return "record"
    for name, value in job.items():
        if found.get(name) == value:
            continue
        if name == "recipe" and isinstance(found.get(name), dict):
            return next((n for n, v in value.items() if found[name].get(n) != v), name)
        return name
    return "record"
