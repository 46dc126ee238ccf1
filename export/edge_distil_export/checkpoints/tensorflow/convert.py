"""A checkpoint of TensorFlow becomes one of PyTorch, for as long as it is exported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from edge_distil._reading import links
from edge_distil.errors import CheckpointError, StorageError
from edge_distil_export.checkpoints import weights
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.linked import link_files
from edge_distil_export.checkpoints.tensorflow.names import Numbers, to_axes, to_pytorch

_POINTWISE = "pointwise.weight"  # of a separable convolution


@contextmanager
def as_pytorch(source: Source) -> Iterator[Source]:
    """Give a checkpoint as PyTorch's classes read it.

    One of TensorFlow becomes a temporary directory of links to its files, with
    ``model.safetensors`` instead of its weights; any other comes back as it is.

    Args:
        source: The checkpoint.

    Raises:
        CheckpointError: The weights cannot be read.
        ModuleNotFoundError: h5py is not installed.
        StorageError: The directory has no room for them.
    """
    if not source.from_tensorflow:
        yield source
        return
    files = weights.tensorflow_files(source.path, source.name)
    with TemporaryDirectory() as name:
        # The folder's name is the module's of remote code.
        root = Path(name).resolve() / source.root.name
        path = root / source.path.relative_to(source.root)
        if path != root:  # the transformer of sentence-transformers, in a folder of its own
            link_files(source.root, root, but=[path.relative_to(root).parts[0]])
        named = [file.name for file in files]
        link_files(source.path, path, but=[*named, weights.SAFETENSORS_INDEX])
        _write(_convert(files, source), path / weights.SAFETENSORS, source)
        with links.trusted(root):
            modules = root if source.modules is not None else None
            yield replace(source, path=path, modules=modules, safetensors=True)


def _convert(files: list[Path], source: Source) -> dict[str, Numbers]:
    """Return the weights under their names in PyTorch."""
    found: dict[str, Numbers] = {}
    for file in files:
        for variable, values in _read(file, f"{source.name}'s {file.name}"):
            name, turned = to_pytorch(variable), to_axes(variable, values)
            # Keras lists a variable in each layer that reads it: embeddings in the head, too.
            if name in found and not np.array_equal(found[name], turned, equal_nan=True):
                raise CheckpointError(
                    f"{source.name}'s {file.name} holds two different values of {name}: fetch it "
                    "again"
                )
            found[name] = turned
    _make_columns(found)
    return found


def _make_columns(found: dict[str, Numbers]) -> None:
    """Give separable convolutions their bias as PyTorch's ConvBERT has it: ``(channels, 1)``."""
    for name in [name for name in found if name.endswith(f".{_POINTWISE}")]:
        bias = name.removesuffix(_POINTWISE) + "bias"
        if bias in found:
            found[bias] = found[bias].reshape(-1, 1)


def _read(file: Path, name: str) -> list[tuple[str, Numbers]]:
    if file.suffix == ".h5":
        from edge_distil_export.checkpoints.tensorflow.hdf5 import read_variables

        return read_variables(file, name)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return [(key, values.float().numpy()) for key, values in load_file(file).items()]
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{name} cannot be read ({error}): fetch it again") from error


def _write(found: dict[str, Numbers], path: Path, source: Source) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    # As the file has them, outputs first: a transposed view would be written as it lies in memory.
    whole = {name: np.asarray(values, order="C") for name, values in found.items()}
    try:
        save_file(whole, path, metadata={"format": "pt"})
    except (SafetensorError, OSError) as error:
        raise StorageError(
            f"cannot write {source.name}'s weights for PyTorch beside the output ({error}): free "
            "some space, or choose another path"
        ) from error
