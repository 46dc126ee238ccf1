"""Which of a bundle's files are here, and which an app needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from edge_distil.bundle import Bundle
from edge_distil.manifest import FILE_NAME, FileRecord, Variant
from edge_distil_apps.cli import console
from edge_distil_apps.cli.tables import paragraph

PRESENT, MISSING = "present", "missing"


class Needs(NamedTuple):
    """What an app needs that runs one variant.

    Attributes:
        variant: The variant.
        files: Paths in the bundle: the manifest, what all variants share, the model.
        bytes: Their size.
    """

    variant: str
    files: tuple[str, ...]
    bytes: int


def state(bundle: Bundle, records: Sequence[FileRecord]) -> str:
    """Say of a model's files whether they are here, by their sizes alone: `doctor` hashes them."""
    paths = [bundle.path / record.path for record in records]
    there = [path.is_file() for path in paths]
    if not all(there):
        return f"{sum(there)} of {len(there)} files" if any(there) else MISSING
    for path, record in zip(paths, records, strict=True):
        size = path.stat().st_size
        if size != record.bytes and not bundle.inferred:
            return "truncated" if size < record.bytes else "changed"
    return PRESENT


def absent(bundle: Bundle, name: str, variant: Variant) -> str:
    """Say which of a variant's files are not as the manifest says, if any."""
    found = state(bundle, variant.records)
    if found == PRESENT:
        return ""
    if found != MISSING:
        return f"{name} cannot be used, its file is {found}: copy the bundle again, or export it"
    others = bundle.present_variants()
    if not others:
        return f"{name} is missing, and so are all others: copy the bundle again, or export it"
    return f"{name} was left out: {variant.file.path} is not here; here: {', '.join(others)}"


def shared(bundle: Bundle) -> list[str]:
    """Return the paths of what every variant needs."""
    own = [] if bundle.inferred else [FILE_NAME]
    return own + list(dict.fromkeys(record.path for record in bundle.manifest.files))


def needs(bundle: Bundle) -> list[Needs]:
    """Return what an app needs, for each variant."""
    paths = shared(bundle)
    common = sum((bundle.path / path).stat().st_size for path in paths)
    return [
        Needs(name, (*paths, *(record.path for record in variant.records)), common + variant.bytes)
        for name, variant in bundle.manifest.variants.items()
    ]


def document(bundle: Bundle) -> dict[str, Any]:
    """Return the same for machines."""
    variants = bundle.manifest.variants
    return {
        "files_here": {name: state(bundle, one.records) for name, one in variants.items()},
        "app_needs": {
            one.variant: {"files": list(one.files), "bytes": one.bytes} for one in needs(bundle)
        },
    }


def show(bundle: Bundle) -> None:
    """Print the files that an app needs, those that all variants share once."""
    paths = shared(bundle)
    if not paths:
        return
    console.say()
    paragraph(f"files that an app needs: {', '.join(paths)}", 2)
    for one in needs(bundle):
        model = ", ".join(one.files[len(paths) :])
        size = console.megabytes(one.bytes)
        paragraph(f"  with {one.variant:9} and {model}: {size} in all", 4)
