"""What is served: a finite list of addresses, each one file that a manifest or the page names.

A request is looked up in the list and is never made into a path, so that no ``..``, encoded dot,
NUL, backslash, absolute path or link can lead to another file.
"""

from __future__ import annotations

import json
import mimetypes
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from edge_distil import __version__
from edge_distil._reading import links
from edge_distil._writing.storage import sha256
from edge_distil.bundle import FUSED, Bundle, open_bundle
from edge_distil.errors import BundleCorrupt, BundleFileMissing, InputError
from edge_distil.manifest import FILE_NAME, FileRecord
from edge_distil_apps.serve.golden import golden

INDEX, GOLDEN = "bundles.json", "golden.json"
_TYPES = {
    ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm",
    ".json": "application/json", ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml", ".txt": "text/plain", ".css": "text/css", ".html": "text/html",
}  # fmt: skip
_HASHED_NAMES = "assets/"  # the page's files whose names change with what is in them


@dataclass(frozen=True)
class File:
    """One file that is served.

    Attributes:
        path: Where it is.
        sha256: What its manifest says, or what it was when serving began.
        immutable: Whether its address changes with what is in it.
    """

    path: Path
    sha256: str
    immutable: bool = False

    @property
    def media_type(self) -> str:
        """What it is, by its name."""
        known = _TYPES.get(self.path.suffix) or mimetypes.guess_type(self.path)[0]
        return known or "application/octet-stream"

    @property
    def compressible(self) -> bool:
        """Whether it becomes smaller; a model does not, and is asked for in ranges."""
        return self.path.suffix in _TYPES

    @cached_property
    def state(self) -> tuple[int, ...]:
        """What told the file from any other one when serving began."""
        return _state(self.path)

    def unchanged(self) -> bool:
        """Return whether it is still the file whose sha256 is said."""
        try:
            return _state(self.path) == self.state
        except OSError:
            return False


@dataclass(frozen=True)
class Contents:
    """All that is served.

    Attributes:
        files: Address, without the first slash -> file.
        made: Address -> what makes its document, when it is first asked for.
    """

    files: Mapping[str, File]
    made: Mapping[str, Callable[[], dict[str, Any]]]


def collect(bundles: Sequence[Path], page: Path, *, uploads: bool = False) -> Contents:
    """List what is served, and check all of it.

    Args:
        bundles: Bundle directories.
        page: The built page.
        uploads: Whether measurements can be sent.

    Raises:
        BundleError: One is no bundle, or differs from its manifest.
        InputError: There is none, or one is given twice.
    """
    names = named(bundles)
    files = _page_files(page)
    index: list[dict[str, Any]] = []
    made: dict[str, Callable[[], dict[str, Any]]] = {}
    for name, folder in names.items():
        bundle = _opened(folder)
        base = f"bundles/{name}/"
        files |= {f"{base}{path}": file for path, file in _bundle_files(bundle).items()}
        made[f"{base}{GOLDEN}"] = partial(golden, bundle)
        index.append(_described(name, base, bundle))
    document = {"edge_distil": __version__, "uploads": uploads, "bundles": index}
    return Contents(files, {INDEX: lambda: document, **made})


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return a document of `Contents.made` as it is sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def named(bundles: Sequence[Path]) -> dict[str, Path]:
    """Return a name of its own for each bundle, as an address may have it.

    Raises:
        InputError: There is none, or one is given twice.
    """
    if not bundles:
        raise InputError("got no bundle, expected at least one: edge-distil serve DIR")
    names: dict[str, Path] = {}
    for folder in bundles:
        real = Path(os.path.abspath(folder))
        if real in {Path(os.path.abspath(other)) for other in names.values()}:
            raise InputError(f"{folder} is given twice, expected once: name each bundle once")
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", real.name).strip("-") or "bundle"
        taken = sum(1 for name in names if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", name))
        names[f"{slug}-{taken + 1}" if taken else slug] = folder
    return names


def _opened(folder: Path) -> Bundle:
    bundle = open_bundle(folder)
    if bundle.inferred:
        raise BundleFileMissing(
            f"{folder} has no {FILE_NAME}, so that a browser could verify nothing: export it with "
            "edge-distil export MODEL -o DIR"
        )
    bundle.verify(present=True)
    return bundle


def _bundle_files(bundle: Bundle) -> dict[str, File]:
    """Return the files of the variants that run in a browser, by their paths in the bundle."""
    manifest = bundle.manifest
    records = [*manifest.files]
    for name in _in_browsers(bundle):
        records += manifest.variants[name].records
    found = {record.path: _recorded(bundle, record) for record in records}
    path = bundle.path / FILE_NAME
    return {FILE_NAME: _started(File(path, sha256(path))), **found}


def _in_browsers(bundle: Bundle) -> list[str]:
    """Return the variants for the page, which pads the texts of a batch."""
    return [name for name in bundle.portable_variants() if not name.endswith(FUSED)]


def _recorded(bundle: Bundle, record: FileRecord) -> File:
    return _started(File(bundle.path / record.path, record.sha256))


def _page_files(page: Path) -> dict[str, File]:
    """Return the page's files; a link in it must not lead out."""
    files = {}
    for path in sorted(page.rglob("*")):
        links.check_inside(page, path)
        if path.is_file():
            name = path.relative_to(page).as_posix()
            file = File(path, sha256(path), immutable=name.startswith(_HASHED_NAMES))
            files[name] = _started(file)
    return {**files, "": files["index.html"]}


def _started(file: File) -> File:
    """Keep what tells the file from any other one now."""
    try:
        _ = file.state
    except OSError as error:
        raise BundleCorrupt(f"{file.path} went away while it was read: serve again") from error
    return file


def _state(path: Path) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _described(name: str, base: str, bundle: Bundle) -> dict[str, Any]:
    """Return what the page must know of a bundle before it is opened."""
    manifest = bundle.manifest
    variants = {v: manifest.variants[v].bytes for v in _in_browsers(bundle)}
    return {
        "name": name,
        "url": base,
        "task": manifest.task,
        "checkpoint": manifest.checkpoint.name,
        "variants": variants,
    }
