"""Graphs that no exporter writes: one error of ours, and the bundle as it was."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

import edge_distil as ed
from edge_distil import errors
from edge_distil._writing import storage
from edge_distil.bundle import write_manifest
from edge_distil.evaluate.drift import compare_outputs
from edge_distil_quantize import convert_to_ort, describe_sensitivity, quantize_bundle

TINY = Path(__file__).parents[1] / "golden" / "tiny"


def short(model: ModelProto) -> None:
    model.graph.initializer[0].raw_data = b"abc"


def huge(model: ModelProto) -> None:
    model.graph.initializer[0].dims[0] = 2**40


def negative(model: ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -5


def untyped(model: ModelProto) -> None:
    model.graph.initializer[0].data_type = 99


DAMAGES = [short, huge, negative, untyped]


def damaged(folder: Path, damage: Callable[[ModelProto], None], variant: str = "fp32") -> ed.Bundle:
    opened = ed.open_bundle(shutil.copytree(TINY / "text_classification", folder / "bundle"))
    path = opened.model_path(variant)
    model = onnx.load(path)
    damage(model)
    onnx.save(model, path)
    record = storage.record(opened.path, path)
    changed = dataclasses.replace(opened.manifest.variants[variant], file=record)
    return write_manifest(opened.path, opened.manifest.with_variant(variant, changed))


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("recipe", ["int8", "fp16"])
def test_a_graph_that_cannot_be_read_is_our_error(
    tmp_path: Path, damage: Callable[[ModelProto], None], recipe: str
) -> None:
    bundle = damaged(tmp_path, damage)
    before = {path: path.read_bytes() for path in bundle.path.rglob("*") if path.is_file()}
    calls: list[Callable[[], object]] = [
        lambda: quantize_bundle(bundle, recipe, calibrate=False),
        lambda: convert_to_ort(bundle, "fp32"),
    ]
    for call in calls:
        with pytest.raises(errors.EdgeDistilError):
            call()
    assert {p: p.read_bytes() for p in bundle.path.rglob("*") if p.is_file()} == before


def test_the_report_too(tmp_path: Path) -> None:
    with pytest.raises(errors.EdgeDistilError):
        describe_sensitivity(damaged(tmp_path, short), calibrate=False)


def test_a_callers_own_error_passes(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    def stop(_: str) -> None:
        raise Enough

    bundle = damaged(tmp_path, lambda model: None)
    with pytest.raises(Enough):
        quantize_bundle(bundle, "int8", calibrate=False, progress=stop)


def wider(model: ModelProto) -> None:
    """Give all labels twice."""
    last = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = [f"{name}.once" if name == last else name for name in node.output]
    model.graph.node.append(helper.make_node("Concat", [f"{last}.once"] * 2, [last], axis=-1))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(last, TensorProto.FLOAT, None))


def test_a_variant_of_other_outputs_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.OutputError, match="logits as arrays of the shapes"):
        convert_to_ort(damaged(tmp_path, wider, "int8"), "int8")


@pytest.mark.parametrize("found", [np.ones((1, 3)), np.array([["a", "b"]]), [1.0, 2.0], None])
def test_what_cannot_be_compared_is_our_error(found: object) -> None:
    given = {} if found is None else {"logits": found}
    with pytest.raises(errors.OutputError, match="of one bundle give logits as"):
        compare_outputs([{"logits": np.ones((1, 2), np.float32)}], [given])  # type: ignore[list-item]
