"""``edge_distil.json``: what a bundle is, what is in it and how it was proven.

Frozen dataclasses on one side, plain JSON on the other; nothing else reads or writes the
format. A field that is absent from the JSON takes the default given here; a field that this
release does not know is an error only when ``schema_version`` says so.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from edge_distil._reading import fields
from edge_distil._reading.fields import LARGEST_ID, Fields
from edge_distil._reading.manifest_pooling import Pooling, read_pooling, written
from edge_distil.errors import BundleCorrupt, SchemaUnsupported

if TYPE_CHECKING:
    from edge_distil._reading.manifest_late import LateSettings

FILE_NAME = "edge_distil.json"
SCHEMA_VERSION = 1
_PACKAGE = ".mlpackage"  # the end of a Core ML model's name, which is a folder
PRODUCER = "edge-distil"  # what our exporter signs its graphs with

_SPARSE = "sparse-embedding"
# The names of the Hub and of optimum's TasksManager.
TASKS = (
    "feature-extraction",
    "fill-mask",
    "late-interaction",
    "multiple-choice",
    "question-answering",
    "sentence-similarity",
    _SPARSE,
    "text-classification",
    "token-classification",
)
FUNCTIONS = ("sigmoid", "softmax", "none")  # the names of transformers' pipeline

# Far more than any bundle has: what is beyond was made to exhaust its reader.
_MOST_FILES = 100
_MOST_VARIANTS = 100
_MOST_TENSORS = 100
_MOST_GOLDEN = 100
LONGEST_SEQUENCE = 10_000_000
_SHA256 = re.compile("[0-9a-f]{64}")


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
        parts: Its further files: weights beside an ONNX file that would be larger than 2 GiB, or
            those of a model that is a folder, a Core ML package.
    """

    file: FileRecord
    recipe: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    operators: Mapping[str, int] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[FileRecord, ...] = ()

    @property
    def is_folder(self) -> bool:
        """True for a Core ML package, which is named by its folder."""
        return PurePosixPath(self.file.path).parent.suffix == _PACKAGE

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
        first_position: Of a row's first token, where the graph takes ``position_ids``: 0, or the
            place at which a table like RoBERTa's begins; its padding then stands before that.
        max_length: Longest sequence in tokens, special tokens included.
        labels: Class names by index (classification heads).
        problem_type: ``config.json``'s: ``"multi_label_classification"``, ``"regression"``, ...
        function_to_apply: One of `FUNCTIONS`, what turns logits into scores where the checkpoint
            says so itself (cross-encoders); ``None``: as `problem_type` says.
        pooling: Set for ``sentence-similarity`` and ``sparse-embedding``.
        late_interaction: Set for ``late-interaction``.
        static: True where a token has one vector, whatever stands beside it: the order of a text's
            tokens changes nothing, the attention mask may count them, and a text may have none.
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
    function_to_apply: str | None = None
    pooling: Pooling | None = None
    late_interaction: LateSettings | None = None
    static: bool = False
    first_position: int | None = None
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
    for name in ("function_to_apply", "late_interaction", "static", "first_position"):
        if plain[name] is None or plain[name] is False:
            del plain[name]  # of later releases: written where it says something
    if manifest.pooling is not None:
        plain["pooling"] = written(manifest.pooling)
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, source: str = FILE_NAME) -> Manifest:
    """Parse and check a manifest.

    Args:
        text: The JSON document.
        source: The file's name, for messages.

    Raises:
        BundleCorrupt: Not JSON, or a field is missing, of the wrong kind or out of range.
        SchemaUnsupported: Another `SCHEMA_VERSION`.
    """
    return parse(fields.parse(text, source), source)


def parse(document: Any, source: str = FILE_NAME) -> Manifest:
    """Check a parsed document; see `from_json`."""
    _check_version(document, source)
    raw = Fields.of(document, source)
    task = raw.text("task", choices=TASKS)
    return Manifest(
        task=task,
        checkpoint=_checkpoint(raw.object("checkpoint")),
        inputs=raw.texts("inputs", most=_MOST_TENSORS),
        outputs=raw.texts("outputs", most=_MOST_TENSORS),
        max_length=raw.whole("max_length", 1, LONGEST_SEQUENCE),
        labels=raw.texts("labels"),
        problem_type=raw.optional_text("problem_type"),
        function_to_apply=raw.text("function_to_apply", choices=FUNCTIONS)
        if "function_to_apply" in raw
        else None,
        pooling=read_pooling(
            raw, required=task in ("sentence-similarity", _SPARSE), sparse=task == _SPARSE
        ),
        late_interaction=_late(raw, required=task == "late-interaction"),
        static=raw.flag("static"),
        first_position=raw.optional_whole("first_position", 0, LONGEST_SEQUENCE),
        files=_records(raw, "files"),
        golden=tuple(_golden(entry) for entry in raw.objects("golden", most=_MOST_GOLDEN)),
        variants=_variants(raw.object("variants", most=_MOST_VARIANTS)),
    )


def _check_version(document: Any, source: str) -> None:
    version = document.get("schema_version") if isinstance(document, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise BundleCorrupt(
            f"{source} has no schema_version, so it is not an edge-distil manifest: "
            "export the bundle again"
        )
    if version != SCHEMA_VERSION:
        from edge_distil._machine import installation  # needed for a remedy alone

        remedy = (
            f"upgrade with: {installation.upgrade()}"
            if version > SCHEMA_VERSION
            else "export the bundle again"
        )
        raise SchemaUnsupported(
            f"{source} has schema_version {version}, this release reads {SCHEMA_VERSION}: {remedy}"
        )


def _late(raw: Fields, *, required: bool) -> LateSettings | None:
    if "late_interaction" not in raw and not required:
        return None
    from edge_distil._reading.manifest_late import read_late  # few bundles are of that task

    return read_late(raw)


def _checkpoint(raw: Fields) -> Checkpoint:
    return Checkpoint(
        name=raw.text("name"),
        revision=raw.optional_text("revision"),
        license=raw.optional_text("license"),
        architecture=raw.optional_text("architecture"),
        model_type=raw.optional_text("model_type"),
        parameters=raw.optional_whole("parameters", 0),
    )


def _golden(raw: Fields) -> GoldenTokens:
    return GoldenTokens(raw.text("text"), raw.wholes("ids", 0, LARGEST_ID))


def _variants(raw: Fields) -> dict[str, Variant]:
    return {name: _variant(raw.object(name)) for name in raw.values}


def _variant(raw: Fields) -> Variant:
    operators, tools = raw.object("operators"), raw.object("tools")
    return Variant(
        file=_record(raw.object("file")),
        recipe=raw.text("recipe"),
        settings=raw.object("settings").values,
        operators={name: operators.whole(name, 0) for name in operators.values},
        tools={name: tools.text(name) for name in tools.values},
        evidence=raw.object("evidence").values,
        parts=_records(raw, "parts"),
    )


def _records(raw: Fields, name: str) -> tuple[FileRecord, ...]:
    return tuple(_record(entry) for entry in raw.objects(name, most=_MOST_FILES))


def _record(raw: Fields) -> FileRecord:
    """Read a file's record, whose path names a place inside the bundle."""
    path, sha256 = raw.path("path"), raw.text("sha256")
    if not _SHA256.fullmatch(sha256):
        raise raw.wrong("sha256", "64 hexadecimal digits")
    return FileRecord(path, raw.whole("bytes", 0), sha256)
