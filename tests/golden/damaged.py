"""Bundles whose graph gives what it should not: no numbers, or those of another task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Edit = Callable[[onnx.ModelProto], None]


def damage(bundle: Path, edit: Edit) -> Path:
    """Change a bundle's fp32 graph, and its manifest with it, so that the bundle opens."""
    file = bundle / "onnx" / "model.onnx"
    model = onnx.load(file)
    edit(model)
    onnx.save(model, file)
    manifest = bundle / "edge_distil.json"
    if manifest.is_file():
        document = json.loads(manifest.read_text(encoding="utf-8"))
        data = file.read_bytes()
        record = document["variants"]["fp32"]["file"]
        record["bytes"], record["sha256"] = len(data), hashlib.sha256(data).hexdigest()
        manifest.write_text(json.dumps(document), encoding="utf-8")
    return bundle


def spoil_token(bundle: Path, word: str, value: float = np.nan) -> Path:
    """Give one word's embedding a value: only texts with this word are affected."""
    vocabulary = json.loads((bundle / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]

    def edit(model: onnx.ModelProto) -> None:
        for tensor in model.graph.initializer:
            if len(tensor.dims) == 2 and tensor.dims[0] == len(vocabulary):
                table = numpy_helper.to_array(tensor).copy()
                table[vocabulary[word]] = value
                tensor.CopyFrom(numpy_helper.from_array(table, tensor.name))
                return
        raise AssertionError("no table of word embeddings")

    return damage(bundle, edit)


def replace_output(name: str, operator: str, constants: Sequence[np.ndarray] = (), **attributes):
    """Return an edit that puts an operator behind an output."""

    def edit(model: onnx.ModelProto) -> None:
        graph = model.graph
        inner = f"{name}_inner"
        for node in graph.node:
            for names in (node.input, node.output):
                names[:] = [inner if n == name else n for n in names]
        added = [numpy_helper.from_array(a, f"{name}_{i}") for i, a in enumerate(constants)]
        graph.initializer.extend(added)
        inputs = [inner, *(tensor.name for tensor in added)]
        graph.node.append(helper.make_node(operator, inputs, [name], **attributes))
        for output in graph.output:
            if output.name == name:
                kind = attributes.get("to", TensorProto.FLOAT)
                output.CopyFrom(helper.make_tensor_value_info(name, kind, None))

    return edit


def rename_output(name: str, other: str) -> Edit:
    """Return an edit that gives an output another name."""

    def edit(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = [other if n == name else n for n in names]
        for output in model.graph.output:
            output.name = other if output.name == name else output.name

    return edit
