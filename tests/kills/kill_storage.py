"""The steps that `export` and `quantize` are made of, on bundles of a few kilobytes.

Without torch a kill takes a moment, so that every operation in every state of the disk is tried in
each run of the tests.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from kill_everywhere import Case

from edge_distil._writing import exchange, ownership, staging, storage
from edge_distil._writing.additions import add_to_bundle
from edge_distil.bundle import MODEL_FILES, Bundle, open_bundle
from edge_distil.manifest import Variant

_TINY = Path(__file__).parents[1] / "golden/tiny/text_classification"
_OUTPUT = "out/qa"
_PAUSE = 0.05  # seconds; less than a reader takes, so that most of its readings are disturbed


def make_materials(folder: Path) -> None:
    """Make the bundles ``tiny-old`` and ``tiny-new``, which differ in labels and files."""
    for name in ("old", "new"):
        bundle = shutil.copytree(_TINY, folder / f"tiny-{name}")
        manifest = json.loads((bundle / "edge_distil.json").read_text("utf-8"))
        manifest["labels"] = [f"{name}-{end}" for end in "abc"]
        (bundle / "edge_distil.json").write_text(json.dumps(manifest), "utf-8")
    shutil.rmtree(folder / "tiny-old/coreml", ignore_errors=True)
    add_packages(str(folder / "tiny-old"), "1")


def place(output: str, *words: str) -> None:
    """Put ``tiny-new`` in its place, as an export does at its end.

    Args:
        output: The place.
        words: ``force``; ``slow``, where the system exchanges no directories; ``here``, from
            within the directory.
    """
    source = Path("tiny-new").absolute()
    if "slow" in words:
        exchange._find = lambda: None
    if "here" in words:
        os.chdir(output)
        output = "."
    allowed = ownership.check_bundle if "force" in words else None
    with staging.staged_directory(Path(output), replaceable=allowed) as staged:
        shutil.copytree(source, staged, dirs_exist_ok=True)


def add_model(output: str, name: str) -> None:
    """Add the fp32 model under another name: other bytes than that variant has."""
    bundle = open_bundle(output)
    with staging.scratch(bundle.path) as folder:
        model = folder / "model.onnx"
        shutil.copyfile(bundle.model_path("fp32"), model)
        _add(bundle, name, model)


def _add(bundle: Bundle, name: str, model: Path) -> None:
    record = dataclasses.replace(storage.record(model.parent, model), path=MODEL_FILES[name])
    variant = Variant(record, recipe=name)
    add_to_bundle(bundle, {MODEL_FILES[name]: model}, lambda m: m.with_variant(name, variant))


def place_by_turns(output: str, rounds: str) -> None:
    """Replace a bundle by ``tiny-new`` and ``tiny-old``, again and again."""
    for turn in range(int(rounds)):
        time.sleep(_PAUSE)
        source = ("tiny-new", "tiny-old")[turn % 2]
        with staging.staged_directory(Path(output), replaceable=ownership.check_bundle) as staged:
            shutil.copytree(source, staged, dirs_exist_ok=True)


def add_by_turns(output: str, rounds: str) -> None:
    """Replace int8 by the fp32 model and by itself, again and again."""
    own = open_bundle(output).model_path("int8").read_bytes()
    for turn in range(int(rounds)):
        time.sleep(_PAUSE)
        bundle = open_bundle(output)
        data = own if turn % 2 else bundle.model_path("fp32").read_bytes()
        with staging.scratch(bundle.path) as folder:
            model = folder / "model.onnx"
            model.write_bytes(data)
            _add(bundle, "int8", model)


def add_packages(output: str, content: str) -> None:
    """Add a folder of packages, as Core ML's are."""
    bundle = open_bundle(output)
    with staging.scratch(bundle.path) as folder:
        package = folder / "coreml/model.mlpackage"
        (package / "Data").mkdir(parents=True)
        (package / "Manifest.json").write_text(content)
        (package / "Data/weights").write_text(content * 9)
        files = (package / "Manifest.json", package / "Data/weights")
        first, other = (storage.record(folder, file) for file in files)
        variant = Variant(first, recipe="coreml", parts=(other,))
        finished = {"coreml": folder / "coreml"}
        add_to_bundle(bundle, finished, lambda m: m.with_variant("coreml", variant))


def _prepare(*names: str) -> Callable[[Path, Path], None]:
    def prepare(folder: Path, materials: Path) -> None:
        shutil.copytree(materials / "tiny-new", folder / "tiny-new")
        for name in names:
            if name == "empty":
                (folder / _OUTPUT).mkdir(parents=True)
            else:
                shutil.copytree(materials / name, folder / _OUTPUT)

    return prepare


def _found(folder: Path) -> str:
    """Which bundle is there, all its files as recorded."""
    output = folder / _OUTPUT
    if not output.exists():
        return "nothing"
    if not staging.unfinished(output) and not (output / "edge_distil.json").exists():
        assert not any(output.glob("[!.]*")), "half of a bundle"
        return "nothing"
    return open_bundle(output, verify=True).manifest.labels[0].split("-")[0]


def _found_one(folder: Path) -> str:
    found = _found(folder)
    assert found in ("old", "new"), "the bundle is gone"
    return found


def _over(name: str, *words: str) -> Case:
    command = ("kill_storage:place", _OUTPUT, "force", *words)
    return Case(name, command, _prepare("tiny-old"), _found_one)


def _adding(name: str, *command: str) -> Case:
    return Case(name, command, _prepare("tiny-old"), _found_one)


_THERE = "exists and is not empty"
CASES = (
    Case("new", ("kill_storage:place", _OUTPUT), _prepare(), _found, done=_THERE),
    Case("empty", ("kill_storage:place", _OUTPUT), _prepare("empty"), _found, done=_THERE),
    _over("over a bundle"),
    _over("over a bundle, without exchange", "slow"),
    _over("over the bundle that one is in", "here"),
    _adding("a new model", "kill_storage:add_model", _OUTPUT, "fp16"),
    _adding("a model again", "kill_storage:add_model", _OUTPUT, "int8"),
    _adding("packages again", "kill_storage:add_packages", _OUTPUT, "2"),
)
