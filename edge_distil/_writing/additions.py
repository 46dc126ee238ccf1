"""Add to a bundle: files and manifest change together, whoever else adds and wherever it is killed.

A model and its record are two files. Where the manifest on disk already names a file that is to
be replaced, the new one first gets a name of its own, ``model_quantized.<16 digits>.onnx``, and
the manifest names that; then the usual name leads to it too; then the manifest goes back to the
usual name and the other one goes. At every moment the manifest and the files that it names agree.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Mapping
from math import inf
from pathlib import Path, PurePosixPath

from edge_distil._reading import links
from edge_distil._writing import locks
from edge_distil._writing.storage import make_folder, storage_errors
from edge_distil.bundle import Bundle, read_manifest, write_manifest
from edge_distil.errors import BundleError
from edge_distil.manifest import FileRecord, Manifest, Variant

_PASSING = re.compile(r"(.+)\.[0-9a-f]{16}(\.[^.]+)?")  # a name of its own: stem, suffix


def add_to_bundle(
    bundle: Bundle,
    finished: Mapping[str, Path],
    change: Callable[[Manifest], Manifest],
    *,
    made_from: Collection[str] = ("fp32",),
) -> Bundle:
    """Put finished files into place and change the manifest as it is on disk by now.

    Args:
        bundle: The bundle as it was opened.
        finished: Place in the bundle (posix) -> a file or directory in a `staging.scratch` of it.
        change: Makes the new manifest, which names those places, from the one on disk.
        made_from: Variants that must still be what they were.

    Returns:
        The bundle with all that others have added meanwhile.

    Raises:
        BundleError: It, or a variant of `made_from`, was replaced meanwhile, or a place's directory
            is a link that leads out of it.
        StorageError: It cannot be written; the old variants stand.
    """
    path = bundle.path
    with storage_errors(path), locks.hold(locks.inside(path), path, wait=inf):
        for place in finished:
            links.check_inside(path, (path / place).parent)
        before = read_manifest(path)
        _check_same(bundle, before, made_from)
        after = change(before)
        named = {place for place in finished if _names(before, place)}
        own = {place: _own_name(place) if place in named else place for place in finished}
        for place, source in finished.items():
            _put(source, path / own[place])
        if named:
            write_manifest(path, _renamed(after, own))
            for place in named:
                _put(_twin(path / own[place], finished[place]), path / place)
        result = write_manifest(path, after)
        for place in finished:
            _remove_passing(path, place)
    return result


def _check_same(bundle: Bundle, now: Manifest, names: Collection[str]) -> None:
    """Raise `BundleError` unless what a variant was made from is still there."""
    for name in names:
        if now.variants.get(name) != bundle.manifest.variants.get(name):
            raise BundleError(
                f"another process has replaced {name} in {bundle.path} meanwhile: run this again"
            )


def _names(manifest: Manifest, place: str) -> bool:
    records = (record for variant in manifest.variants.values() for record in variant.records)
    return any(_is_in(record.path, place) for record in records)


def _is_in(path: str, place: str) -> bool:
    return PurePosixPath(path).is_relative_to(place)


def _own_name(place: str) -> str:
    path = PurePosixPath(place)
    return path.with_name(f"{path.stem}.{secrets.token_hex(8)}{path.suffix}").as_posix()


def _renamed(manifest: Manifest, own: Mapping[str, str]) -> Manifest:
    """Return a manifest that names files by their own names."""

    def rename(record: FileRecord) -> FileRecord:
        for place, name in own.items():
            if _is_in(record.path, place):
                return dataclasses.replace(record, path=name + record.path[len(place) :])
        return record

    def rename_all(variant: Variant) -> Variant:
        parts = tuple(map(rename, variant.parts))
        return dataclasses.replace(variant, file=rename(variant.file), parts=parts)

    variants = {name: rename_all(variant) for name, variant in manifest.variants.items()}
    return dataclasses.replace(manifest, variants=variants)


def _put(source: Path, target: Path) -> None:
    """Move a file or directory to its place; a directory that is there goes out of the way."""
    make_folder(target.parent)
    if target.is_dir():
        target.rename(source.with_name(f"{secrets.token_hex(8)}.old"))
    os.replace(source, target)


def _twin(path: Path, twin: Path) -> Path:
    """Give a file, or each in a directory, a second name; a copy where there are no links."""
    if path.is_dir():
        shutil.copytree(path, twin, copy_function=_link)
    else:
        _link(path, twin)
    return twin


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # as on a memory card
        shutil.copyfile(source, target)


def _remove_passing(path: Path, place: str) -> None:
    """Remove own names of a place, of killed processes too: the manifest names none any more."""
    target = path / place
    for other in target.parent.iterdir():
        found = _PASSING.fullmatch(other.name)
        if found and found[1] + (found[2] or "") == target.name:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
