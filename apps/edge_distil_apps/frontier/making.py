"""The models of a frontier: students trained, all of them exported in fp32 and int8."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from edge_distil._writing import staging
from edge_distil.bundle import Bundle, open_bundle
from edge_distil_apps.frontier.folder import FrontierFolder
from edge_distil_apps.frontier.points import TEACHER
from edge_distil_apps.frontier.request import Request
from edge_distil_distil import Status, distil
from edge_distil_distil.smaller.prepare import prepared
from edge_distil_distil.teachers.origin import Origin
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle

Watch = Callable[[str], AbstractContextManager[Callable[[Status], None]]]
VARIANTS = ("fp32", "int8")


def student_name(layers: int) -> str:
    """Return what a student's folders are called."""
    return f"layers-{layers}"


def train_students(
    request: Request, folder: FrontierFolder, say: Callable[[str], None], watch: Watch
) -> None:
    """Train the students that are not there yet, those with most layers first.

    Raises:
        EdgeDistilError: A student cannot be trained; those before it are kept.
    """
    missing = [n for n in request.layers if not folder.student(student_name(n)).is_dir()]
    if not missing:
        return
    with prepared(
        request.teachers[0], folder.path / "students",
        vocabulary_texts=request.vocabulary_texts, width=request.width, data=request.data,
        refuse=request.outside == "refuse", say=say,
    ) as begun:  # fmt: skip
        cut = bool(request.vocabulary_texts)
        teachers = [str(begun.teacher), *request.teachers[1:]] if cut else request.teachers
        for layers in missing:
            say(f"training the student of {layers} layers")
            with watch(f"{layers} layers") as progress:
                distil(
                    teachers, folder.student(student_name(layers)), data=request.data,
                    layers=layers, task=request.task, evaluate=request.evaluate,
                    student=begun.student or request.student, architecture=request.architecture,
                    random=request.random, recipe=request.recipe, answers=folder.answers,
                    progress=progress, notice=say,
                )  # fmt: skip
            gc.collect()
    shutil.rmtree(folder.answers, ignore_errors=True)


def make_bundles(
    request: Request, origin: Origin, folder: FrontierFolder, say: Callable[[str], None]
) -> list[Bundle]:
    """Export what is not exported yet; the teacher's bundle comes first.

    Raises:
        EdgeDistilError: A model cannot be exported or quantized.
    """
    names = [student_name(layers) for layers in request.layers]
    made = [_bundle(origin.path, folder.bundle(TEACHER), origin.task, say)]
    return made + [
        _bundle(folder.student(name), folder.bundle(name), origin.task, say) for name in names
    ]


def _bundle(model: Path, place: Path, task: str, say: Callable[[str], None]) -> Bundle:
    if not place.is_dir():
        say(f"exporting {place.name}")
        if (model / "edge_distil.json").is_file():
            with staging.staged_directory(place) as staged:
                shutil.copytree(model, staged, dirs_exist_ok=True)
        else:
            export_bundle(model, place, task=task)
    bundle = open_bundle(place)
    if "int8" not in bundle.manifest.variants:
        say(f"quantizing {place.name}")
        bundle = quantize_bundle(bundle, "int8")
    gc.collect()
    return bundle
