"""Bundles that take all time or all memory are refused before they reach this process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")

import onnx
from onnx import TensorProto, helper, numpy_helper

import edge_distil as ed
from edge_distil import errors
from edge_distil._reading import untrusted
from edge_distil._writing import storage

Copy = Callable[[str], Path]
TASKS = [
    "embedding", "fill_mask", "multi_label", "multiple_choice", "question_answering",
    "sparse_embedding",
    "text_classification",
]  # fmt: skip
SECONDS = 8.0  # for a child that may take for ever

needs_limits = pytest.mark.skipif(sys.platform != "linux", reason="memory has no limit here")


def record(bundle: Path, name: str) -> None:
    """Let the manifest describe a file as it is, without golden texts."""
    path = bundle / "edge_distil.json"
    manifest = json.loads(path.read_text("utf-8"))
    new = vars(storage.record(bundle, bundle / name))
    manifest["files"] = [new if f["path"] == name else f for f in manifest["files"]]
    for variant in manifest["variants"].values():
        variant["file"] = new if variant["file"]["path"] == name else variant["file"]
    manifest["golden"] = []
    path.write_text(json.dumps(manifest))


def edit_tokenizer(bundle: Path, **changes: Any) -> None:
    path = bundle / "tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}))
    record(bundle, "tokenizer.json")


def edit_graph(bundle: Path, nodes: list[onnx.NodeProto], value: str, **constants: Any) -> None:
    """Add `nodes` before the rest, and the scalar `value` of theirs to the first output."""
    path = bundle / "onnx" / "model.onnx"
    model = onnx.load(path)
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = [f"{name}_kept" if name == output else name for name in node.output]
    model.graph.node.extend(nodes)
    model.graph.node.append(helper.make_node("Add", [f"{output}_kept", value], [output]))
    for name, array in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    path.write_bytes(model.SerializeToString())
    record(bundle, "onnx/model.onnx")


def repeated(bundle: Path) -> None:
    """A text is put sixteen times, each with what was cut off it."""
    pair = [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}]
    template = {"type": "TemplateProcessing", "single": [pair[0]] * 16, "pair": pair}
    edit_tokenizer(bundle, post_processor={**template, "special_tokens": {}})


def grown(bundle: Path) -> None:
    """Five times over, a letter is replaced by a hundred."""
    grow = {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 100}
    edit_tokenizer(bundle, normalizer={"type": "Sequence", "normalizers": [grow] * 5})


def looped(bundle: Path) -> None:
    """A loop of 2^62 steps."""
    one, yes = ("step", TensorProto.INT64, []), ("yes", TensorProto.BOOL, [])
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["yes"], ["on"]),
            helper.make_node("Add", ["before", "before"], ["after"]),
        ],
        "body",
        [helper.make_tensor_value_info(*i) for i in (one, yes, ("before", TensorProto.FLOAT, []))],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, []),
        ],
    )
    loop = helper.make_node("Loop", ["times", "go", "zero"], ["looped"], body=body)
    constants = {"times": np.int64(2**62), "go": np.bool_(True), "zero": np.float32(0)}
    edit_graph(bundle, [loop], "looped", **constants)


def filled(bundle: Path) -> None:
    """A tensor of a terabyte, or of as much as there is."""
    nodes = [
        helper.make_node("Expand", ["zero", "shape"], ["filled"]),
        helper.make_node("ReduceMax", ["filled"], ["largest"], keepdims=0),
    ]
    edit_graph(bundle, nodes, "largest", zero=np.float32([0]), shape=np.int64([3 << 30]))


@pytest.mark.safety
@pytest.mark.parametrize("damage", [repeated, grown, looped, filled])
@needs_limits
def test_what_takes_all_is_refused_in_time(
    tiny_copy: Copy, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrusted, "SECONDS", SECONDS)
    bundle = tiny_copy("text_classification")
    damage(bundle)
    started = time.monotonic()
    with pytest.raises(errors.EdgeDistilError):
        ed.load(bundle, variant="fp32", untrusted=True)
    assert time.monotonic() - started < 4 * SECONDS


@pytest.mark.parametrize("name", TASKS)
def test_a_good_bundle_opens_as_without(tiny: Path, name: str) -> None:
    for variant in ("fp32", "int8"):
        task = ed.load(tiny / name, variant=variant, untrusted=True)
        assert task.variant == variant
        assert type(task) is type(ed.load(tiny / name))


def test_task_objects_take_it_too(tiny: Path) -> None:
    assert ed.FillMask.load(tiny / "fill_mask", untrusted=True).variant == "fp32"


def test_the_childs_error_is_raised_as_it_was(tiny_copy: Copy, tmp_path: Path) -> None:
    with pytest.raises(errors.BundleNotFound, match="no such directory"):
        ed.load(tmp_path / "nowhere", untrusted=True)
    with pytest.raises(errors.VariantMissing, match="no variant 'int4'"):
        ed.load(tiny_copy("fill_mask"), variant="int4", untrusted=True)


def test_the_child_imports_nothing_from_the_working_directory(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "numpy", "edge_distil", "resource"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    ed.load(tiny / "fill_mask", untrusted=True)
    assert not (tmp_path / "ran").exists()
