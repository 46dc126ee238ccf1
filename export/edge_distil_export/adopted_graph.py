"""The fp32 model of an ONNX directory of others: what it is made of, and a copy for a bundle."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import onnx
from onnx.external_data_helper import load_external_data_for_model

from edge_distil._machine.versions import installed_versions
from edge_distil._reading import external_data, links
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
    outside = tuple(source.parent / name for name in sorted(external_data.locations(source)))
    for file in outside:
        links.check_inside(found.path, file)
        if not file.is_file():
            raise CheckpointError(
                f"{source} keeps weights in {shortened(file.name)}, which is not beside it: fetch "
                "both again"
            )
    return Graph(source, model, outside)


def copy_graph(graph: Graph, staged: Path, origin: dict[str, Any]) -> Variant:
    """Copy a model into a bundle, as its fp32 variant.

    Weights from outside are put into it, or where they are too large for that, copied beside it.

    Args:
        graph: The model.
        staged: The bundle that is made.
        origin: Where it comes from, for the manifest.
    """
    target = staged / MODEL_FILES["fp32"]
    target.parent.mkdir()
    beside = _copy(graph, target)
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
        parts=tuple(storage.record(staged, file) for file in beside),
    )


def _copy(graph: Graph, target: Path) -> list[Path]:
    """Copy a model, and return the files that then hold weights beside it."""
    size = sum(file.stat().st_size for file in (graph.path, *graph.outside))
    if graph.outside and size <= LARGEST:
        load_external_data_for_model(graph.model, str(graph.path.parent))
        onnx.save(graph.model, target)
        return []
    shutil.copyfile(graph.path, target)
    copies = [target.parent / file.relative_to(graph.path.parent) for file in graph.outside]
    for file, copy in zip(graph.outside, copies, strict=True):
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return copies
