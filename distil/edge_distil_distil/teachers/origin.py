"""Where a model comes from: a checkpoint here or on the hub, or a bundle."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._reading import foreign
from edge_distil._reading.manifest_pooling import Pooling
from edge_distil._reading.printable import first_line
from edge_distil.bundle import open_bundle
from edge_distil.errors import CheckpointError, TaskError
from edge_distil.manifest import FILE_NAME, Manifest
from edge_distil.task_names import task_named

_CLASSES = ("text-classification", "token-classification")
EMBEDDING = ("sentence-similarity", "feature-extraction")
_AUTO = {
    "feature-extraction": "AutoModel",
    "fill-mask": "AutoModelForMaskedLM",
    "question-answering": "AutoModelForQuestionAnswering",
    "sentence-similarity": "AutoModel",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
}


@dataclass(frozen=True)
class Origin:
    """A model on this disk.

    Attributes:
        path: Its directory.
        name: The hub id, or the directory's name.
        manifest: What it is for; of a checkpoint as far as its files say.
        is_bundle: True for ONNX, False for a checkpoint with weights.
    """

    path: Path
    name: str
    manifest: Manifest
    is_bundle: bool

    @property
    def task(self) -> str:
        """The task, one of `edge_distil.manifest.TASKS`."""
        return self.manifest.task

    def load(self) -> Any:
        """Load a checkpoint's model, in float32.

        Raises:
            CheckpointError: It is a bundle, or its weights cannot be read.
            TaskError: It has no head for the task.
        """
        import transformers

        if self.is_bundle:
            raise CheckpointError(
                f"{self.path} is a bundle, whose graph cannot be trained: give a checkpoint, or "
                "with --student one that the student begins as"
            )
        auto = getattr(transformers, _AUTO[self.task])
        try:
            model, report = auto.from_pretrained(
                self.path, dtype="float32", local_files_only=True, output_loading_info=True
            )
        except (OSError, ValueError, RuntimeError) as error:
            first = first_line(error)
            raise CheckpointError(
                f"{self.name} cannot be loaded ({first}): fetch it again, or check that its "
                "config.json belongs to its weights"
            ) from error
        absent = sorted(name for name in report["missing_keys"] if "pooler" not in name)
        if absent:
            raise TaskError(
                f"{self.name} has no weights for {absent[0]}, which {self.task} needs: choose "
                "another teacher, or the --task that it was trained for"
            )
        return model.eval()


def find_origin(model: str | Path, task: str | None = None) -> Origin:
    """Find a model and tell its task.

    Args:
        model: A checkpoint's directory or hub id, or a bundle's directory.
        task: Its task where that is not what its files say; a synonym will do.

    Raises:
        CheckpointError: There is no such model.
        TaskError: The task is unknown, cannot be told, or is not the bundle's.
    """
    path = Path(model).expanduser()
    name = path.resolve().name if path.is_dir() else str(model)
    path = path if path.is_dir() else _download(str(model))
    wanted = task_named(task) if task is not None else None
    if (path / FILE_NAME).is_file() or list(path.glob("onnx/*.onnx")):
        manifest = open_bundle(path).manifest
        if wanted not in (None, manifest.task) and not {wanted, manifest.task} <= {*EMBEDDING}:
            raise TaskError(
                f"{path} is a {manifest.task} bundle, expected {wanted}: choose another"
            )
        return Origin(path, name, manifest, is_bundle=True)
    if not (path / "config.json").is_file():
        raise CheckpointError(
            f"{path} has no config.json, expected a checkpoint that save_pretrained wrote, or a "
            "bundle: check the path"
        )
    manifest = foreign.describe(path, {})
    if wanted is not None and wanted != manifest.task:
        manifest = dataclasses.replace(manifest, task=wanted)
    if manifest.task in _CLASSES and not manifest.labels:
        manifest = dataclasses.replace(manifest, labels=_labels(path))
    if manifest.task in EMBEDDING and manifest.pooling is None:
        manifest = dataclasses.replace(manifest, pooling=Pooling("mean", False, _width(path)))
    return Origin(path, name, manifest, is_bundle=False)


def _labels(path: Path) -> tuple[str, ...]:
    """Return the class names that transformers gives where config.json leaves out the usual two."""
    from transformers import AutoConfig

    names = AutoConfig.from_pretrained(path, local_files_only=True).id2label
    return tuple(str(names[index]) for index in sorted(names))


def _width(path: Path) -> int:
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(path, local_files_only=True).hidden_size)


def _download(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.safetensors"]))
    except (HFValidationError, OSError, RuntimeError) as error:
        raise CheckpointError(
            f"{name} is no directory here, and the hub gives no such model "
            f"({type(error).__name__}): check the path, or connect"
        ) from error
