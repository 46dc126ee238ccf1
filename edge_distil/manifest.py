"""``edge_distil.json``: what a bundle is, what is in it and how it was proven.

Frozen dataclasses on one side, plain JSON on the other; nothing else reads or writes the
format. A field that is absent from the JSON takes the default given here; a field that this
release does not know is an error only when ``schema_version`` says so.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_distil.errors import BundleCorrupt, SchemaUnsupported

FILE_NAME = "edge_distil.json"
SCHEMA_VERSION = 1

# The names of the Hub and of optimum's TasksManager.
TASKS = (
    "feature-extraction",
    "fill-mask",
    "question-answering",
    "sentence-similarity",
    "text-classification",
    "token-classification",
)


@dataclass(frozen=True)
class FileRecord:
    """One file of the bundle: its path inside the bundle (posix), size and sha256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Checkpoint:
    """Where the weights come from; ``None`` is "not known"."""

    name: str
    revision: str | None = None
    license: str | None = None
    architecture: str | None = None
    model_type: str | None = None
    parameters: int | None = None


@dataclass(frozen=True)
class Pooling:
    """How token vectors become one vector, as the checkpoint's ``modules.json`` says.

    Attributes:
        mode: ``"mean"``, ``"cls"`` or ``"max"``.
        normalize: True where the vector is scaled to Euclidean length 1.
        dimension: Length of the vector, after Dense modules.
        dense: Number of Dense modules between pooling and the end.
        prompts: Prompt texts by name, put before a text by ``prompt_name``.
        default_prompt: Name of the prompt used where the caller gives none.
    """

    mode: str
    normalize: bool
    dimension: int
    dense: int = 0
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt: str | None = None


@dataclass(frozen=True)
class GoldenTokens:
    """A probe string and the token ids that the checkpoint's own tokenizer gives."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Variant:
    """One model with its evidence.

    Attributes:
        file: The file's record; of a model that is a folder, the file that says what is in it.
        recipe: How it was made: ``"export"``, ``"int8"``, ...
        settings: The recipe's settings.
        operators: Operator type -> count in the graph.
        tools: Package -> version that made it.
        evidence: ``"parity"``, ``"fidelity"``, ``"accuracy"`` ... -> figures, each with the CPU
            it was measured on.
        parts: The further files of a model that is a folder: a Core ML package.
    """

    file: FileRecord
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    operators: Mapping[str, int] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[FileRecord, ...] = ()

    @property
    def records(self) -> tuple[FileRecord, ...]:
        """All files of the model."""
        return (self.file, *self.parts)

    @property
    def bytes(self) -> int:
        """Size of the model: of all its files."""
        return sum(record.bytes for record in self.records)


@dataclass(frozen=True)
class Manifest:
    """The whole of ``edge_distil.json``.

    Attributes:
        task: One of `TASKS`.
        checkpoint: Origin of the weights.
        inputs: Graph inputs, int64 ``(batch_size, sequence_length)``.
        outputs: Graph outputs, float32.
        max_length: Longest sequence in tokens, special tokens included.
        labels: Class names by index (classification heads).
        problem_type: ``config.json``'s: ``"multi_label_classification"``, ``"regression"``, ...
        pooling: Set for ``sentence-similarity``.
        files: Tokenizer and configuration files.
        golden: Probe strings with their token ids.
        variants: Name (``"fp32"``, ``"int8"``, ...) -> variant.
        schema_version: Version of this format.
    """

    task: str
    checkpoint: Checkpoint
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    max_length: int
    labels: tuple[str, ...] = ()
    problem_type: str | None = None
    pooling: Pooling | None = None
    files: tuple[FileRecord, ...] = ()
    golden: tuple[GoldenTokens, ...] = ()
    variants: Mapping[str, Variant] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def with_variant(self, name: str, variant: Variant) -> Manifest:
        """Return a copy that holds `variant` under `name`."""
        return dataclasses.replace(self, variants={**self.variants, name: variant})


def to_json(manifest: Manifest) -> str:
    """Serialise; the same manifest gives the same text."""
    plain = dataclasses.asdict(manifest)
    for variant in plain["variants"].values():
        if not variant["parts"]:  # a model of one file is written as it was before there were parts
            del variant["parts"]
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, source: str = FILE_NAME) -> Manifest:
    """Parse and check a manifest.

    Args:
        text: The JSON document.
        source: The file's name, for messages.

    Raises:
        BundleCorrupt: Not JSON, or a field is missing or of the wrong kind.
        SchemaUnsupported: Another `SCHEMA_VERSION`.
    """
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise BundleCorrupt(
            f"{source} is not JSON ({error}); it was truncated or edited: export the bundle again"
        ) from error
    _check_version(raw, source)
    try:
        return _parse(raw)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BundleCorrupt(
            f"{source} is no valid manifest ({type(error).__name__}: {error}); "
            "it was edited or half-written: export the bundle again"
        ) from error


def _check_version(raw: Any, source: str) -> None:
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if not isinstance(version, int):
        raise BundleCorrupt(
            f"{source} has no schema_version, so it is no edge-distil manifest: "
            "export the bundle again"
        )
    if version != SCHEMA_VERSION:
        remedy = (
            "upgrade with: pip install -U edge-distil"
            if version > SCHEMA_VERSION
            else "export the bundle again"
        )
        raise SchemaUnsupported(
            f"{source} has schema_version {version}, this release reads {SCHEMA_VERSION}: {remedy}"
        )


def _parse(raw: Mapping[str, Any]) -> Manifest:
    if raw["task"] not in TASKS:
        raise ValueError(f"task {raw['task']!r}, expected one of {', '.join(TASKS)}")
    pooling = raw.get("pooling")
    return Manifest(
        task=raw["task"],
        checkpoint=Checkpoint(**raw["checkpoint"]),
        inputs=tuple(raw["inputs"]),
        outputs=tuple(raw["outputs"]),
        max_length=int(raw["max_length"]),
        labels=tuple(raw.get("labels", ())),
        problem_type=raw.get("problem_type"),
        pooling=Pooling(**pooling) if pooling else None,
        files=tuple(FileRecord(**record) for record in raw.get("files", ())),
        golden=tuple(GoldenTokens(g["text"], tuple(g["ids"])) for g in raw.get("golden", ())),
        variants={name: _parse_variant(value) for name, value in raw["variants"].items()},
    )


def _parse_variant(raw: Mapping[str, Any]) -> Variant:
    parts = tuple(FileRecord(**record) for record in raw.get("parts", ()))
    return Variant(**{**raw, "file": FileRecord(**raw["file"]), "parts": parts})
