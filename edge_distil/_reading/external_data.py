"""Where an ONNX file says that its weights stand: read without onnx, past the weights themselves.

Source: ``onnx.proto``.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from edge_distil._reading import links, protobuf
from edge_distil._reading.printable import shortened
from edge_distil.errors import BundleCorrupt

# Message -> number of a field -> message that it holds, on every way from a model to an entry of a
# tensor's external_data.
WAYS: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto", 6: "GraphProto", 10: "TensorProto", 11: "GraphProto",
        22: "SparseTensorProto", 23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {13: "StringStringEntryProto"},
}  # fmt: skip
_ENTRY = "StringStringEntryProto"
_KEY, _VALUE, _LOCATION = 1, 2, b"location"
_SEARCHED = 1 << 16  # bytes of a message that is searched for the key before it is looked through


def check(root: Path, model: Path, recorded: Collection[Path] | None, manifest: str) -> None:
    """Check that the weights of a model stand in files of its bundle, before anything opens them.

    Args:
        root: The bundle's directory.
        model: An ONNX file in it.
        recorded: All files that the manifest records; ``None`` where there is no manifest.
        manifest: Its name.

    Raises:
        BundleCorrupt: They stand elsewhere, or in a file without a record; or this is no ONNX.
    """
    for location in sorted(locations(model)):
        place = PurePosixPath(location)
        if (
            place.is_absolute()
            or ".." in place.parts
            or not place.name
            or {"\\", "\0"} & {*location}
        ):
            raise BundleCorrupt(
                f"{model} keeps weights in {shortened(location)!r}, expected a file beside it: get "
                "the bundle from a source that you trust"
            )
        links.check_inside(root, model.parent / place)
        if recorded is not None and model.parent / place not in recorded:
            raise BundleCorrupt(
                f"{model} names {shortened(location)}, which {manifest} does not record, so that "
                "its content cannot be verified: export the bundle again"
            )


def locations(model: Path) -> set[str]:
    """Return the files in which a model's weights stand, as it names them: relative to itself.

    Small messages without the letters of the key, as most nodes are, are passed over whole.

    Raises:
        BundleCorrupt: It is no row of protobuf's fields.
    """
    if model.stat().st_size == 0:  # such a file cannot be mapped
        return set()
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return set(_locations(data))
        except (IndexError, ValueError) as error:
            raise BundleCorrupt(
                f"{model} is not an ONNX file ({error}): it was truncated or damaged; copy or "
                "export the bundle again"
            ) from error


def _locations(data: mmap.mmap) -> Iterator[str]:
    left = [("ModelProto", 0, len(data))]
    while left:
        message, start, end = left.pop()
        if message == _ENTRY:
            yield from _location(data, start, end)
            continue
        inside = WAYS[message]
        for number, kind, _, content, behind in protobuf.fields(data, start, end):
            within = inside.get(number)
            if within is None or kind != protobuf.BYTES:
                continue
            whole = within == "GraphProto" or behind - content > _SEARCHED
            if whole or data.find(_LOCATION, content, behind) >= 0:
                left.append((within, content, behind))


def _location(data: mmap.mmap, start: int, end: int) -> Iterator[str]:
    """Yield the value of an entry whose key is ``location``."""
    found = [(f.number, data[f.content : f.end]) for f in protobuf.fields(data, start, end)]
    if (_KEY, _LOCATION) in found:
        for number, value in found:
            if number == _VALUE:
                yield value.decode("utf-8", "surrogateescape")
