"""What the tests of several recipes do with graphs: run them, read and replace constants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper


def feeds(names, ids: np.ndarray, mask: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return inputs for a graph that takes `names`."""
    values = {
        "input_ids": ids,
        "attention_mask": np.ones_like(ids) if mask is None else mask,
        "token_type_ids": np.zeros_like(ids),
    }
    return {name: values[name] for name in names}


def session(model: onnx.ModelProto | Path) -> ort.InferenceSession:
    """Open a graph on one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(model: onnx.ModelProto | Path, ids: np.ndarray, mask: np.ndarray | None = None):
    """Return a graph's outputs by name."""
    runner = session(model)
    outputs = runner.run(None, feeds([i.name for i in runner.get_inputs()], ids, mask))
    return dict(zip([o.name for o in runner.get_outputs()], outputs, strict=True))


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Return the stored constants by name."""
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def with_constants(model: onnx.ModelProto, arrays: dict[str, np.ndarray]) -> onnx.ModelProto:
    """Return a copy of a graph that stores other arrays under the same names."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        if tensor.name in arrays:
            tensor.CopyFrom(numpy_helper.from_array(arrays[tensor.name], tensor.name))
    return copy


def matrices(model: onnx.ModelProto) -> set[str]:
    """Return the names of the float32 matrices that the recipes store as integers."""
    tables = {n.input[0] for n in model.graph.node if n.op_type == "Gather"}
    large = {n: a for n, a in constants(model).items() if a.ndim == 2 and a.dtype == np.float32}
    return {
        name
        for name, array in large.items()
        if (array.size >= 1 << 14 if name in tables else min(array.shape) >= 32)
    }
