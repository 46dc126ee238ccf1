"""HDF5 files that hold more, or less, than Keras writes: one line each; no other file is read."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from edge_distil.errors import CheckpointError
from edge_distil_export.checkpoints.tensorflow.hdf5 import read_variables

GOLDEN = Path(__file__).parents[2] / "golden" / "of_tensorflow"
NAME = "model's tf_model.h5"
VARIABLE = "classifier/kernel:0"
Change = Callable[[h5py.Group, str], object]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The weights of a classifier, as TensorFlow saved them."""
    with zipfile.ZipFile(GOLDEN / "distilbert" / "distilbert-classifier.zip") as archive:
        return Path(archive.extract("tf_model.h5", tmp_path))


def names_of(layer: h5py.Group) -> list[str]:
    names = (name for name in layer.attrs["weight_names"])
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def refusal(file: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_variables(file, NAME)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(NAME)
    return message


def changed(file: Path, change: Change) -> Path:
    """Apply a change to the layer of the head, its kernel taken out."""
    with h5py.File(file, "r+") as opened:
        layer = opened["classifier"]
        [kernel] = [name for name in names_of(layer) if "kernel" in name]
        del layer[kernel]
        change(layer, kernel)
    return file


def test_what_is_there_is_read_as_it_is(file: Path) -> None:
    found = dict(read_variables(file, NAME))
    with h5py.File(file) as opened:
        stored: dict[str, Any] = {}
        opened.visititems(
            lambda name, it: stored.update({name: it[()]} if hasattr(it, "shape") else {})
        )
    assert found[VARIABLE].shape == (32, 3)
    assert len(found) == len(stored) > 30
    for path, values in stored.items():
        # LAYER/MODEL/NAME, of which NAME may begin with the layer's own
        np.testing.assert_array_equal(found[path.split("/", 2)[2]], values)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "file signature not found"),
        (b"version https://git-lfs.github.com/spec/v1\n", "file signature not found"),
        (b"\x89HDF\r\n\x1a\n" + bytes(3000), "cannot be read as HDF5"),
    ],
    ids=["empty", "a pointer of Git LFS", "a signature alone"],
)
def test_no_hdf5(data: bytes, message: str, file: Path) -> None:
    file.write_bytes(data)
    assert message in refusal(file)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_truncated(part: float, file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * part)])
    assert "truncated file" in refusal(file)


def test_an_array_in_another_file_is_not_read(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    values = np.ones((32, 3), np.float32)
    with h5py.File(other, "w") as opened:
        opened["kernel"] = values
    (tmp_path / "raw").write_bytes(values.tobytes())
    virtual = h5py.VirtualLayout((32, 3), "f4")
    virtual[:] = h5py.VirtualSource(other, "kernel", shape=(32, 3))
    original = file.read_bytes()

    def refused(change: Change) -> str:
        file.write_bytes(original)
        return refusal(changed(file, change))

    def link(layer: h5py.Group, name: str) -> None:
        layer[name] = h5py.ExternalLink(other, "kernel")

    def external(layer: h5py.Group, name: str) -> None:
        layer.create_dataset(name, (32, 3), "f4", external=[(tmp_path / "raw", 0, values.nbytes)])

    assert "is a link to another place" in refused(link)
    assert "has its numbers in another file" in refused(external)
    assert "has its numbers in another file" in refused(
        lambda layer, name: layer.create_virtual_dataset(name, virtual)
    )


def test_a_layer_in_another_file_is_not_read(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.write_bytes(file.read_bytes())
    with h5py.File(file, "r+") as opened:
        del opened["classifier"]
        opened["classifier"] = h5py.ExternalLink(other, "classifier")
    assert "classifier is a link to another place" in refusal(file)


def _soft(layer: h5py.Group, name: str) -> None:
    layer[name] = h5py.SoftLink("/pre_classifier")


def _late(layer: h5py.Group, name: str) -> None:
    """Space for 16 GB, which nobody has taken."""
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
    space = h5py.h5s.create_simple((1 << 30, 4))
    parent, _, last = name.rpartition("/")
    h5py.h5d.create(layer[parent].id, last.encode(), h5py.h5t.NATIVE_FLOAT, space, settings)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_soft, "is a link to another place"),
        (_late, r"is (1073741824, 4), and its numbers are not there"),
        (lambda layer, name: layer.create_dataset(name, (1 << 40, 4), "f4", chunks=(512, 4)),
         "its numbers are not there"),
        (lambda layer, name: layer.create_dataset(name, (1 << 24,), "f4", compression="gzip"),
         "is compressed"),
        (lambda layer, name: layer.create_dataset(name, data=["a"], dtype=h5py.string_dtype()),
         "holds object"),
        (lambda layer, name: layer.create_dataset(name, (2,), h5py.ref_dtype), "holds object"),
        (lambda layer, name: layer.create_dataset(name, (2,), [("a", "f4")]), "holds [("),
        (lambda layer, name: layer.create_dataset(name, data=np.ones(2, np.int64)), "holds int64"),
        (lambda layer, name: layer.create_dataset(name, data=h5py.Empty("f4")), "is empty"),
        (lambda layer, name: layer.create_group(name), "is a group"),
        (lambda layer, name: None, "is listed and not there"),
    ],
    ids=["soft link", "late", "chunks", "compressed", "texts", "references", "compound",
         "integers", "empty", "group", "absent"],
)  # fmt: skip
def test_what_keras_does_not_write(change: Change, message: str, file: Path) -> None:
    found = refusal(changed(file, change))
    assert message in found
    assert "classifier/kernel:0" in found


def test_one_array_under_many_names(file: Path) -> None:
    """A file cannot hold more numbers than it has bytes."""
    with h5py.File(file, "r+") as opened:
        layer = opened["distilbert"]
        first = names_of(layer)[0]
        layer.attrs["weight_names"] = [first.encode()] * 400
    assert "is larger than the file has room for" in refusal(file)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (np.arange(3), "weight_names is int64"),
        (np.ones(2), "weight_names is float64"),
        ([b"../../distilbert"], "is listed and not there"),
        ([b"\xff\xfe"], "cannot be read as HDF5"),
        (None, "classifier has no weight_names"),
    ],
    ids=["integers", "floats", "upwards", "no UTF-8", "none"],
)
def test_lists_of_names(names: Any, message: str, file: Path) -> None:
    with h5py.File(file, "r+") as opened:
        layer = opened["classifier"]
        del layer.attrs["weight_names"]
        if names is not None:
            layer.attrs["weight_names"] = names
    assert message in refusal(file)


def test_a_file_without_layers(file: Path) -> None:
    with h5py.File(file, "w") as opened:
        opened["kernel"] = np.ones((2, 2))
    assert "the file has no layer_names" in refusal(file)


def test_long_lists_come_in_parts(file: Path) -> None:
    """As Keras saves a list of more than 64 kB."""
    before = read_variables(file, NAME)
    with h5py.File(file, "r+") as opened:
        attributes = opened["distilbert"].attrs
        names = attributes["weight_names"]
        del attributes["weight_names"]
        attributes["weight_names0"], attributes["weight_names1"] = names[:9], names[9:]
    assert [name for name, _ in read_variables(file, NAME)] == [name for name, _ in before]


def test_other_widths_become_float32(file: Path) -> None:
    values = np.linspace(-1, 1, 96).reshape(32, 3)
    for kind in ("<f2", ">f4", ">f8"):
        changed(file, lambda layer, name, kind=kind: layer.create_dataset(
            name, data=values.astype(kind)))  # type: ignore[misc]  # fmt: skip
        found = dict(read_variables(file, NAME))[VARIABLE]
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values, atol=1e-3 if kind == "<f2" else 1e-7)
