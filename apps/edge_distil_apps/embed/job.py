"""What is to be done: an input, a model and how to embed; and how its parts are recognised."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_distil._machine.versions import installed_versions
from edge_distil._writing import storage
from edge_distil.bundle import open_bundle
from edge_distil.errors import InputError
from edge_distil.precision import Precision
from edge_distil.tasks import Embedding
from edge_distil_apps.embed.rows import ROWS
from edge_distil_apps.embed.sources import Source, open_source

_FORMAT = 3  # of the parts; another one is not gone on with
# The columns that a Parquet output has beside those that are kept.
ROW, EMBEDDING = "row", "embedding"
# What a vector's last bits depend on.
_PACKAGES = ("edge-distil", "numpy", "onnxruntime", "tokenizers")


@dataclass(frozen=True)
class Options:
    """How texts become vectors; all of it shows in the numbers.

    The names and meanings are those of `edge_distil.tasks.Embedding.encode`.
    """

    normalize_embeddings: bool = False
    truncate_dim: int | None = None
    prompt_name: str | None = None
    prompt: str | None = None
    batch_size: int | None = None


@dataclass(frozen=True)
class Job:
    """A corpus to embed. Plain values: it can be sent to another process.

    Attributes:
        input: The file or directory of texts.
        output: The file to write, ``.npy`` or ``.parquet``, or a directory of Parquet files.
        bundle: The bundle's directory.
        variant: Its variant; ``None`` as `edge_distil.load` has it.
        threads: Threads of one model; ``None`` as `edge_distil.load` has it.
        column: The column of the text; ``None`` as `sources.open_source` has it.
        keep: Columns to carry over to a Parquet output.
        precision: Of the output; the parts are float32.
        options: How texts become vectors.
        is_directory: `output` is to be a directory.
        suffix: The input's format, as `sources.open_source` has it.
        no_header: As there.
    """

    input: Path
    output: Path
    bundle: Path
    variant: str | None = None
    threads: int | None = None
    column: str | None = None
    keep: tuple[str, ...] = ()
    precision: Precision = "float32"
    options: Options = Options()
    is_directory: bool = False
    suffix: str = ""
    no_header: bool = False

    @property
    def parts(self) -> Path:
        """The folder of what is done so far, beside the output."""
        return self.output.with_name(f".{self.output.name}.parts")

    @property
    def problems(self) -> Path:
        """The list of the rows that could not be embedded."""
        return self.output.with_name(f"{self.output.name}.errors.jsonl")

    def load(self) -> Embedding:
        """Open the model."""
        return Embedding.load_for_bulk(self.bundle, variant=self.variant, threads=self.threads)

    def source(self) -> Source:
        """Open the input.

        Raises:
            InputError: It, or a column of it, cannot be used.
        """
        if taken := {ROW, EMBEDDING} & set(self.keep):
            raise InputError(
                f"the column {min(taken)!r} cannot be kept, for the output has one of that name: "
                "rename it in the input"
            )
        return open_source(
            self.input, column=self.column, keep=self.keep, suffix=self.suffix,
            no_header=self.no_header,
        )  # fmt: skip

    def identity(self, source: Source) -> dict[str, Any]:
        """Describe everything that the parts depend on, as JSON values."""
        bundle = open_bundle(self.bundle)
        bundle.require_task(*Embedding.names)
        name, variant = bundle.variant(self.variant)
        return {
            "format": _FORMAT,
            "rows": ROWS,
            "input": [_fingerprint(file) for file in source.files],
            "column": source.column,
            "read as": [self.suffix, self.no_header],
            "model": {"variant": name, "files": [r.sha256 for r in variant.records]},
            "tokenizer": storage.sha256(self.bundle / "tokenizer.json"),
            "options": asdict(self.options),
            "versions": installed_versions(_PACKAGES),
        }


def _fingerprint(path: Path) -> dict[str, Any]:
    """Describe a file by what it holds: one that was copied or touched is the same.

    A gigabyte takes a second or two, less than to read its rows, and its texts hours.
    """
    return {"name": path.name, "sha256": storage.sha256(path)}
