"""The fp32 model of an ONNX directory of others: what it is made of, and a copy for a bundle."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import onnx
from onnx.external_data_helper import load_external_data_for_model, uses_external_data

from edge_distil._machine.versions import installed_versions
from edge_distil._reading import links
from edge_distil._reading.printable import shortened
from edge_distil._writing import storage
from edge_distil.bundle import MODEL_FILES, Bundle
from edge_distil.errors import CheckpointError
from edge_distil.manifest import Variant
from edge_distil_export.writing import LARGEST

RECIPE = "adopted"
_TOOLS = ("edge-distil", "onnx", "onnxruntime")
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
_LONGEST_NAME = 60  # characters of who wrote a file, by its own words


class Graph(NamedTuple):
    """A model as it lies in the directory.

    Attributes:
        path: Its file.
        model: What is in it; weights that stand outside are not read.
        outside: The files beside it in which weights stand.
    """

    path: Path
    model: onnx.ModelProto
    outside: tuple[Path, ...]

    @property
    def outputs(self) -> list[str]:
        """Names of what it gives."""
        return [output.name for output in self.model.graph.output]

    @property
    def parameters(self) -> int:
        """Number of weights."""
        tensors = self.model.graph.initializer
        return sum(math.prod(t.dims) for t in tensors if t.data_type in _FLOATS)


def read_graph(found: Bundle) -> Graph:
    """Read the fp32 model of a directory.

    Raises:
        CheckpointError: It cannot be read.
        BundleCorrupt: Weights stand outside of the directory.
    """
    source = found.model_path("fp32")
    try:
        model = onnx.load(source, load_external_data=False)
    except OSError:
        raise
    except Exception as error:  # protobuf's and onnx's errors share no other base
        raise CheckpointError(
            f"{source} cannot be read as an ONNX model ({type(error).__name__}): it was "
            "truncated or damaged; fetch it again"
        ) from error
    outside = tuple(source.parent / name for name in sorted(set(_outside(model))))
    for file in outside:
        links.check_inside(found.path, file)
        if not file.is_file():
            raise CheckpointError(
                f"{source} keeps weights in {shortened(file.name)}, which is not beside it: fetch "
                "both again"
            )
    return Graph(source, model, outside)


def copy_graph(graph: Graph, staged: Path, origin: dict[str, Any]) -> Variant:
    """Copy a model into a bundle, as its fp32 variant; weights from outside are put into it.

    Args:
        graph: The model.
        staged: The bundle that is made.
        origin: Where it comes from, for the manifest.

    Raises:
        CheckpointError: It takes more than one file holds.
    """
    target = staged / MODEL_FILES["fp32"]
    target.parent.mkdir()
    if graph.outside:
        _join(graph, target)
    else:
        shutil.copyfile(graph.path, target)
    model = graph.model
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    producer = f"{model.producer_name} {model.producer_version}".strip()
    return Variant(
        file=storage.record(staged, target),
        recipe=RECIPE,
        settings={
            "origin": "not exported by edge-distil",
            "from": origin,
            "producer": shortened(producer, most=_LONGEST_NAME) or "unknown",
            "opset": opsets.get("", 0),
        },
        operators=dict(sorted(Counter(node.op_type for node in model.graph.node).items())),
        tools=installed_versions(_TOOLS),
    )


def _outside(model: onnx.ModelProto) -> Iterator[str]:
    """Yield the names of the files in which a model's weights stand, relative to its own."""
    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            yield from (e.value for e in tensor.external_data if e.key == "location")


def _join(graph: Graph, target: Path) -> None:
    """Write a model with its weights inside, as a bundle's is."""
    size = sum(file.stat().st_size for file in (graph.path, *graph.outside))
    if size > LARGEST:
        raise CheckpointError(
            f"{graph.path} takes {size / 1e9:.1f} GB with the weights beside it; one ONNX file "
            "holds at most 2.1 GB: choose a smaller model"
        )
    load_external_data_for_model(graph.model, str(graph.path.parent))
    onnx.save(graph.model, target)
