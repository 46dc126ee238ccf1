"""The variables in an HDF5 file of Keras: those of the file itself, as it lists them, and no more.

HDF5 can do more than hold numbers: a name may lead to another file, and so may an array, whose size
is only declared, and which may be compressed by a plugin. Keras writes none of that, so it is
refused by what the file says of an array, before one is read.

Source: ``load_attributes_from_hdf5_group`` of Keras 2, ``load_tf_weights_from_h5`` and
``load_tf_shard`` of ``modeling_tf_utils`` in transformers 4.57.6.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from edge_distil._reading.printable import first_line
from edge_distil.errors import CheckpointError, EdgeDistilError
from edge_distil_export.checkpoints.tensorflow.names import Numbers

_LAYERS, _VARIABLES = "layer_names", "weight_names"
_WIDTHS = (2, 4, 8)  # bytes of a float16, float32 and float64


def read_variables(file: Path, name: str) -> list[tuple[str, Numbers]]:
    """Read all variables, each named without the model's own name in front.

    Args:
        file: A whole model's, which has a group for each layer, or one of several shards, which
            has the variables at the top.
        name: What to call the file in messages.

    Raises:
        CheckpointError: It is no such file, is damaged, or holds something else than numbers.
    """
    try:
        with h5py.File(file, "r", locking=False) as root:  # folders that are read-only have no lock
            return list(_Reader(root, name, file.stat().st_size).variables())
    except EdgeDistilError:
        raise
    except Exception as error:  # h5py has no kind of its own: what HDF5 says comes as any
        raise CheckpointError(
            f"{name} cannot be read as HDF5 ({type(error).__name__}: {first_line(error)}): fetch "
            "it again"
        ) from error


class _Reader:
    """Reads one opened file.

    Args:
        root: The opened file.
        name: What to call it in messages.
        size: Its bytes, which all that is read of it must fit into.
    """

    def __init__(self, root: Any, name: str, size: int) -> None:
        self._root = root
        self._name = name
        self._left = size

    def variables(self) -> Iterator[tuple[str, Numbers]]:
        """Yield name and values of every variable."""
        for layer in self._listed(self._root, _LAYERS, "the file"):
            found = self._follow(self._root, layer)
            if isinstance(found, h5py.Dataset):
                yield layer, self._values(found, layer)
                continue
            for variable in self._listed(found, _VARIABLES, layer):
                values = self._values(self._follow(found, variable), variable)
                yield variable.partition("/")[2] or variable, values

    def _listed(self, place: Any, attribute: str, where: str) -> list[str]:
        """Return the names in an attribute, or in its numbered parts where it was too long."""
        parts = [attribute]
        if attribute not in place.attrs:
            numbered = (f"{attribute}{number}" for number in itertools.count())
            parts = list(itertools.takewhile(place.attrs.__contains__, numbered))
        if not parts:
            raise self._refused(f"{where} has no {attribute}")
        return [name for part in parts for name in self._texts(place, part, where)]

    def _texts(self, place: Any, attribute: str, where: str) -> list[str]:
        stored = place.attrs.get_id(attribute)
        count = math.prod(stored.shape)
        if not count:  # a layer without variables, such as Dropout
            return []
        self._take(count * stored.dtype.itemsize, f"{where}'s {attribute}")
        if stored.dtype.kind != "S" and h5py.check_string_dtype(stored.dtype) is None:
            raise self._refused(f"{where}'s {attribute} is {stored.dtype}, no list of names")
        names = np.ravel(place.attrs[attribute])
        return [name.decode() if isinstance(name, bytes) else str(name) for name in names]

    def _follow(self, place: Any, path: str) -> Any:
        """Return what a path leads to, level by level: a link to elsewhere is not opened."""
        for level in filter(None, path.split("/")):
            links = place.id.links if isinstance(place, h5py.Group) else None
            if links is None or not links.exists(level.encode()):
                raise self._refused(f"{path} is listed and not there")
            if links.get_info(level.encode()).type != h5py.h5l.TYPE_HARD:
                raise self._refused(f"{path} is a link to another place")
            place = place[level]
        return place

    def _values(self, dataset: Any, variable: str) -> Numbers:
        """Read an array, after what the file says of it."""
        if not isinstance(dataset, h5py.Dataset):
            raise self._refused(f"{variable} is a group, no array")
        layout = dataset.id.get_create_plist()
        # before its shape, for which HDF5 would look at the other file
        if layout.get_layout() == h5py.h5d.VIRTUAL or layout.get_external_count():
            raise self._refused(f"{variable} has its numbers in another file")
        if layout.get_nfilters():
            raise self._refused(f"{variable} is compressed (h5repack -f NONE undoes it)")
        if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in _WIDTHS:
            raise self._refused(f"{variable} holds {dataset.dtype}, no floating-point numbers")
        if dataset.shape is None:
            raise self._refused(f"{variable} is empty")
        needed = math.prod(dataset.shape) * dataset.id.get_type().get_size()
        if dataset.id.get_storage_size() < needed:
            raise self._refused(f"{variable} is {dataset.shape}, and its numbers are not there")
        self._take(needed, f"{variable}, which is {dataset.shape},")
        with np.errstate(over="ignore"):  # infinity, which is refused as every weight's is
            return np.asarray(dataset[()], dtype=np.float32)

    def _take(self, count: int, what: str) -> None:
        """Count what is read against what the file has: no number is stored twice."""
        self._left -= count
        if self._left < 0:
            raise self._refused(f"{what} is larger than the file has room for")

    def _refused(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"{self._name} is not what transformers' TensorFlow classes save: {what}; fetch it "
            "again, or save it with save_pretrained of transformers 4"
        )
