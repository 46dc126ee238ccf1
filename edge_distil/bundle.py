"""A bundle directory: open it, choose a variant, verify its files, add to it.

Opening is cheap: the size of every file that is needed, the first bytes of the model and the
sha256 of the small files. `verify` hashes all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_distil._reading import external_data, fields, links, places, protobuf
from edge_distil._reading.printable import shown
from edge_distil._writing import storage
from edge_distil._writing.settling import settled
from edge_distil.errors import (
    BundleCorrupt,
    BundleFileMissing,
    BundleNotFound,
    TaskError,
    VariantMissing,
)
from edge_distil.manifest import FILE_NAME, FileRecord, Manifest, Variant, parse, to_json

# Variant -> its file's name, as the Hub's clients expect it.
_ONNX_FILES = {
    "fp32": "onnx/model.onnx",
    "int8": "onnx/model_quantized.onnx",
    "int8-static": "onnx/model_int8_static.onnx",
    "weights-only": "onnx/model_int8_weights.onnx",
    "fp16": "onnx/model_fp16.onnx",
    "int4": "onnx/model_q4.onnx",
}
# Each of them in ONNX Runtime's own format as well, for minimal mobile builds: int8-ort is
# onnx/model_quantized.ort.
_ORT_FILES = {f"{n}-ort": f"{f.removesuffix('.onnx')}.ort" for n, f in _ONNX_FILES.items()}
FUSED = "-fused"  # with onnxruntime's own operators, for rows without padding
FUSIBLE = ("fp32", "int8")
_FUSED_FILES = {f"{n}{FUSED}": _ONNX_FILES[n].replace(".onnx", "_fused.onnx") for n in FUSIBLE}
MODEL_FILES = {**_ONNX_FILES, **_ORT_FILES, **_FUSED_FILES}
WEIGHTS_SUFFIX = "_data"  # of the file beside a model that holds its weights, as the Hub names it
# First word of the names of Core ML packages: coreml, coreml-int8, ... Never loaded unless named.
CORE_ML = "coreml"
CORE_ML_COMPRESSIONS = ("int8", "palette6", "palette4")
HASHED_AT_OPEN = 4 << 20  # bytes; sha256 of a file this small takes a few milliseconds
_MODEL_SUFFIXES = (".onnx", ".ort")
_ONNX_FIRST_BYTE = 0x08  # protobuf tag of ModelProto.ir_version, which every writer puts first


@dataclass(frozen=True)
class Bundle:
    """An opened bundle.

    Attributes:
        path: The directory.
        manifest: Its manifest, or what could be inferred where it has none.
        inferred: True where the directory has no manifest, so that nothing can be verified.
    """

    path: Path
    manifest: Manifest
    inferred: bool = False

    def variant(self, name: str | None = None) -> tuple[str, Variant]:
        """Choose a variant.

        Args:
            name: The variant; ``None`` takes fp32 or, where its file was left out, the first
                one in the order of `MODEL_FILES` that is there. So adding a variant never
                changes what an app loads.

        Raises:
            VariantMissing: The bundle has no such variant.
        """
        variants = self.manifest.variants
        if name is None:
            present = [n for n in MODEL_FILES if n in variants and self._file(n).is_file()]
            name = present[0] if present else "fp32"
        if name not in variants:
            command = self._command(name)
            remedy = "choose one of these" + (f", or make it with: {command}" if command else "")
            raise VariantMissing(
                f"{self.path} has no variant {shown(name)}, only {', '.join(variants) or 'none'}: "
                f"{remedy}"
            )
        return name, variants[name]

    def model_path(self, name: str | None = None) -> Path:
        """Return the model of a variant, its files checked as `check_file` does.

        A model that is a folder (a Core ML package) is named by the folder.
        """
        name, variant = self.variant(name)
        if (present := self.present_variants()) and name not in present:
            raise BundleFileMissing(
                f"{self.path / variant.file.path} is missing, {name} was left out of this bundle "
                f"(here: {', '.join(present)}): copy it from the whole one, or choose another "
                "variant"
            )
        for record in dict.fromkeys(variant.parts):
            self.check_file(record)
        path = self.check_file(variant.file)
        if path.suffix == ".onnx":
            named = None if self.inferred else [*self.manifest.files, *variant.records]
            self._check_weights(path, named)
        return path.parent if variant.is_folder else path

    def check_file(self, record: FileRecord, *, full: bool = False) -> Path:
        """Check one file against its record.

        Args:
            record: The file as the manifest describes it.
            full: Compare the sha256 whatever the size.

        Returns:
            The file's path.

        Raises:
            BundleFileMissing: It is not there.
            BundleCorrupt: Size, header or sha256 differ.
        """
        path = self.path / record.path
        links.check_inside(self.path, path)
        if not path.is_file():
            raise BundleFileMissing(
                f"{path} is {'no file' if path.exists() else 'missing'}, though {FILE_NAME} names "
                "it: copy the whole bundle again, or export it again"
            )
        size = path.stat().st_size
        if not self.inferred and size != record.bytes:
            raise BundleCorrupt(
                f"{path} has {size:,} bytes, {FILE_NAME} says {record.bytes:,}: it was "
                "truncated or edited; copy or export the bundle again"
            )
        if path.suffix in _MODEL_SUFFIXES and size > protobuf.LARGEST:
            raise BundleCorrupt(
                f"{path} has {size:,} bytes, expected at most {protobuf.LARGEST:,}, all that its "
                "format can hold: export the checkpoint with weights outside of it, or get it again"
            )
        if path.suffix == ".onnx":
            _check_onnx_header(path)
        if not self.inferred and (full or size <= HASHED_AT_OPEN):
            _check_hash(path, record)
        return path

    def verify(self, *, present: bool = False) -> list[FileRecord]:
        """Hash every file that the manifest names, and see that the models read no other.

        Args:
            present: Pass over variants that were left out, unless all were.

        Returns:
            The records, all of them true.

        Raises:
            BundleFileMissing: A file is not there.
            BundleCorrupt: A file differs from its record, or a model reads one that has none.
        """
        variants = self.manifest.variants
        names = (present and self.present_variants()) or list(variants)
        every = [*self.manifest.files, *(r for name in names for r in variants[name].records)]
        records = list(dict.fromkeys(every))
        for record in records:
            self.check_file(record, full=True)
        for record in (record for record in records if record.path.endswith(".onnx")):
            self._check_weights(self.path / record.path, None if self.inferred else records)
        return records

    def _check_weights(self, model: Path, records: Iterable[FileRecord] | None) -> None:
        """Check that the weights that a model keeps outside of it are files with a record."""
        named = None if records is None else {self.path / record.path for record in records}
        external_data.check(self.path, model, named, FILE_NAME)

    def portable_variants(self) -> list[str]:
        """Return the names of the variants here that run wherever onnxruntime does."""
        return [name for name in self.present_variants() if name.split("-")[0] != CORE_ML]

    def present_variants(self) -> list[str]:
        """Return the names of the variants of which a file is here; an app may leave others out."""
        return [
            name
            for name, variant in self.manifest.variants.items()
            if any((self.path / record.path).is_file() for record in variant.records)
        ]

    def require_task(self, *tasks: str) -> None:
        """Raise `TaskError` unless the bundle serves one of `tasks`."""
        if self.manifest.task not in tasks:
            raise TaskError(
                f"{self.path} is a {self.manifest.task} bundle, expected {' or '.join(tasks)}: "
                "choose another bundle, or export the checkpoint with --task"
            )

    def _command(self, name: str) -> str | None:
        """Return the command that makes a variant, in the ORT format from one that is there.

        ``None`` where no command makes one of that name.
        """
        import shlex  # needed for a remedy alone

        kind, _, compression = name.partition("-")
        if kind == CORE_ML and compression in ("", *CORE_ML_COMPRESSIONS):
            extra = f" --coreml-compress {compression}" if compression else ""
            place = shlex.quote(str(self.path))
            return f"edge-distil export MODEL -o {place} --force --coreml{extra}"
        if name not in MODEL_FILES:
            return None
        onnx, form = name, ""
        for end in ("-ort", FUSED):
            if name.endswith(end):
                onnx, form = name.removesuffix(end), f"--{end[1:]}"
        if onnx == "fp32" and onnx not in self.manifest.variants:
            return f"edge-distil export MODEL -o {shlex.quote(str(self.path))} --force"
        flags = f"--{onnx}"
        if form:
            flags = form if onnx in self.manifest.variants else f"--{onnx} {form}"
        output = "-o DIR " if self.inferred else ""
        return f"edge-distil quantize {shlex.quote(str(self.path))} {output}{flags}"

    def _file(self, name: str) -> Path:
        return self.path / self.manifest.variants[name].file.path


@settled
def open_bundle(path: str | Path, *, verify: bool = False) -> Bundle:
    """Open a bundle, or a plain hub ONNX directory without a manifest.

    Args:
        path: The directory.
        verify: Hash all files now.

    Raises:
        BundleNotFound: There is no such directory.
        BundleFileMissing: A tokenizer or configuration file is missing.
        BundleCorrupt: A file differs from its record, or this is not a bundle.
        SchemaUnsupported: The manifest is of another version.
    """
    path = Path(path)
    if not path.is_dir():
        raise BundleNotFound(places.no_bundle(path, FILE_NAME))
    manifest_path = path / FILE_NAME
    if not manifest_path.is_file():
        from edge_distil._reading import foreign  # most have one

        return Bundle(path, foreign.infer_manifest(path, MODEL_FILES), inferred=True)
    bundle = Bundle(path, read_manifest(path))
    for record in dict.fromkeys(bundle.manifest.files):
        bundle.check_file(record)
    if verify:
        bundle.verify()
    return bundle


def write_manifest(path: Path, manifest: Manifest) -> Bundle:
    """Write the manifest of the bundle at `path` atomically and return the bundle.

    Raises:
        StorageError: The place cannot be written; the old manifest stands.
    """
    with storage.atomic_file(path / FILE_NAME) as temporary:
        temporary.write_text(to_json(manifest), encoding="utf-8")
    return Bundle(path, manifest)


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of the bundle at `path` as it is on disk now.

    Raises:
        BundleFileMissing: There is none.
        BundleCorrupt: It cannot be read.
        SchemaUnsupported: It is of another version.
    """
    file = path / FILE_NAME
    return parse(fields.read_json(file), str(file))


def _check_onnx_header(path: Path) -> None:
    with path.open("rb") as file:
        head = file.read(1)
    if head != bytes([_ONNX_FIRST_BYTE]):
        raise BundleCorrupt(
            f"{path} is not an ONNX file (first byte {head.hex() or 'absent'}, expected "
            f"{_ONNX_FIRST_BYTE:02x}); a Git LFS pointer or a failed download? Fetch it again"
        )


def _check_hash(path: Path, record: FileRecord) -> None:
    digest = storage.sha256(path)
    if digest != record.sha256:
        raise BundleCorrupt(
            f"{path} was edited: its sha256 is {digest[:12]}…, {path.name} was recorded as "
            f"{record.sha256[:12]}…; copy or export the bundle again"
        )
