"""What many tests read and takes seconds to make: made once, kept for the next run.

A shelf lies in pytest's cache. Its name is a digest of everything that decides what is put on it:
the code that exports and quantizes and the versions of the libraries. A thing's name is a digest of
what it is made from. So what is found there is what the code of today makes. Workers of xdist share
a shelf.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

from edge_distil.bundle import Bundle, open_bundle

REPOSITORY = Path(__file__).parents[2]
_SOURCES = ["edge_distil", "export/edge_distil_export", "quantize/edge_distil_quantize"]
_LIBRARIES = [
    "numpy", "onnx", "onnx-ir", "onnxruntime", "onnxscript", "optimum", "sentence-transformers",
    "tokenizers", "torch", "transformers",
]  # fmt: skip
_SHELVES = REPOSITORY / ".pytest_cache" / "d" / "shelves"
_MOST = 3  # states of the code whose things are kept; a shelf takes about 300 MB


def keep(name: str, make: Callable[[Path], object], *parts: object) -> Path:
    """Return the directory of a thing; where it is not there, or was changed, it is made.

    Args:
        name: What it is, for a person who looks.
        make: Makes it, at a path that does not exist yet.
        parts: What decides what it is, beside the code: `digest` is taken of them.
    """
    from filelock import FileLock  # not where the runtime is tested alone

    place = _shelf() / f"{name}-{digest(*parts)[:16]}"
    record = place.with_name(f"{place.name}.contents")
    with FileLock(place.with_name(f"{place.name}.lock")):
        if not record.is_file() or record.read_text() != _contents(place):
            making = place.with_name(f".{place.name}")
            for path in (place, making):
                shutil.rmtree(path, ignore_errors=True)
            make(making)
            making.rename(place)
            record.write_text(_contents(place))
    return place


def export(checkpoint: Path, output: Path, **options: Any) -> Bundle:
    """Do what `export_bundle` does, or copy what it made before of an equal checkpoint."""
    from edge_distil_export import export_bundle

    make = partial(export_bundle, checkpoint, **options)
    made = keep(f"of-{checkpoint.name}", make, checkpoint, options)
    return open_bundle(shutil.copytree(made, output))


def quantize(bundle: Bundle | Path, recipe: str = "int8", **options: Any) -> Bundle:
    """Do what `quantize_bundle` does, or add what it made before to an equal bundle."""
    from edge_distil_quantize import quantize_bundle

    path = bundle.path if isinstance(bundle, Bundle) else bundle
    return _add(path, recipe, partial(quantize_bundle, recipe=recipe, **options), options)


def convert(bundle: Bundle, variant: str) -> Bundle:
    """Do what `convert_to_ort` does, or add what it made before to an equal bundle."""
    from edge_distil_quantize import convert_to_ort

    return _add(bundle.path, f"{variant}-ort", partial(convert_to_ort, variant=variant))


def _add(path: Path, name: str, add: Callable[[Path], object], *options: object) -> Bundle:
    made = keep(name, lambda folder: add(shutil.copytree(path, folder)), path, *options)
    return open_bundle(shutil.copytree(made, path, dirs_exist_ok=True))


@cache
def _shelf() -> Path:
    """Return the shelf of today's code; the oldest ones beside it are cleared away."""
    shelf = _SHELVES / _state()
    shelf.mkdir(parents=True, exist_ok=True)
    shelf.touch()
    found = sorted(_SHELVES.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in found[_MOST:]:
        shutil.rmtree(old, ignore_errors=True)
    return shelf


def digest(*parts: object) -> str:
    """Return a digest of values; of a path, of what is in the file or the directory."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, dict):
            found.update(digest(*(item for pair in sorted(part.items()) for item in pair)).encode())
        elif isinstance(part, set):
            found.update(digest(*sorted(part)).encode())
        elif isinstance(part, Path):
            _add_files(found, part, sorted(part.rglob("*")) if part.is_dir() else [part])
        else:
            found.update(repr(part).encode())
        found.update(b"\0")
    return found.hexdigest()


def _add_files(found: Any, root: Path, files: Iterable[Path]) -> None:
    for file in files:
        if file.is_file():
            found.update(file.relative_to(root).as_posix().encode())
            found.update(file.read_bytes())


def _state() -> str:
    """Return a digest of the code that makes bundles and of the libraries."""
    versions = [(name, metadata.version(name)) for name in _LIBRARIES]
    code = (file for source in _SOURCES for file in (REPOSITORY / source).rglob("*"))
    found = hashlib.sha256(digest(platform.python_version(), platform.machine(), versions).encode())
    _add_files(found, REPOSITORY, sorted(file for file in code if file.suffix != ".pyc"))
    return found.hexdigest()[:16]


def _contents(folder: Path) -> str:
    """Return name, size and time of change of every file: a test that changes one is found out."""
    return repr([
        (path.relative_to(folder).as_posix(), path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ])  # fmt: skip
