"""ONNX of others that cannot be made a bundle: one line, and all that was there as it was."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import edge_distil as ed
from edge_distil._writing import storage
from edge_distil.errors import (
    BundleCorrupt,
    BundleExists,
    CheckpointError,
    EdgeDistilError,
    InputError,
    OutputError,
    QuantizeError,
    SessionError,
)
from edge_distil_export import adopt_onnx
from edge_distil_quantize import check_model

Damage = Callable[[Path], object]


@pytest.fixture
def theirs(tiny: Path, tmp_path: Path) -> Path:
    """A plain hub directory: without a manifest, and its graph signed by another exporter."""
    folder = tmp_path / "theirs"
    shutil.copytree(tiny / "text_classification", folder)
    (folder / "edge_distil.json").unlink()
    (folder / "onnx" / "model_quantized.onnx").unlink()
    rewrite(folder, lambda model: setattr(model, "producer_name", "pytorch"))
    return folder


def rewrite(folder: Path, change: Callable[[onnx.ModelProto], object]) -> None:
    path = folder / "onnx" / "model.onnx"
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): storage.sha256(path) for path in files}


def accept(found: ed.Bundle) -> None:
    """What the command asks before it writes."""
    check_model(found.model_path("fp32"))


def truncate(folder: Path) -> None:
    path = folder / "onnx" / "model.onnx"
    path.write_bytes(path.read_bytes()[:-1000])


def other_task(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["BertForQuestionAnswering"]
    (folder / "config.json").write_text(json.dumps(config))


def other_outputs(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(n): f"label {n}" for n in range(7)}
    (folder / "config.json").write_text(json.dumps(config))


def halve(folder: Path) -> None:
    """As optimum's O4 and ``model_fp16.onnx`` under another name."""

    def change(model: onnx.ModelProto) -> None:
        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor)
            if array.dtype == np.float32 and array.ndim == 2:
                name = tensor.name
                half = numpy_helper.from_array(array.astype(np.float16), f"{name}.half")
                tensor.CopyFrom(half)
                cast = helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)
                model.graph.node.insert(0, cast)

    rewrite(folder, change)


def fuse(folder: Path) -> None:
    """As optimum's O2: an operator of onnxruntime's own."""

    def change(model: onnx.ModelProto) -> None:
        at = next(i for i, node in enumerate(model.graph.node) if node.op_type == "Erf")
        erf = model.graph.node[at]
        [source], [target] = erf.input, erf.output
        erf.output[0] = f"{target}.own"
        fused = helper.make_node("QuickGelu", [source], [target], domain="com.microsoft", alpha=1.0)
        model.graph.node.insert(at + 1, fused)
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    rewrite(folder, change)


def quantize(folder: Path) -> None:
    shutil.copy(
        Path(__file__).parents[2] / "golden/tiny/text_classification/onnx/model_quantized.onnx",
        folder / "onnx" / "model.onnx",
    )


def age(folder: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        del model.graph.node[:], model.graph.initializer[:], model.opset_import[:]
        model.opset_import.append(helper.make_opsetid("", 9))
        weight = np.ones((4, 40), np.float32)
        model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
        ids = model.graph.input[0].name
        for node in (
            helper.make_node("Cast", [ids], ["f"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["f"], ["s"], axes=[1], keepdims=1),
            helper.make_node("Tile", ["s", "four"], ["t"]),
            helper.make_node("MatMul", ["t", "w"], ["m"]),
            helper.make_node("Slice", ["m"], ["logits"], axes=[1], starts=[0], ends=[3]),
        ):
            model.graph.node.append(node)
        model.graph.initializer.append(numpy_helper.from_array(np.array([1, 4]), "four"))

    rewrite(folder, change)


def loop(folder: Path) -> None:
    """The logits through an operator that holds a graph."""

    def change(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            node.output[:] = ["own" if name == "logits" else name for name in node.output]
        shape = helper.make_tensor_value_info("kept", TensorProto.FLOAT, None)
        kept = helper.make_node("Identity", ["own"], ["kept"])
        same = helper.make_graph([kept], "same", [], [shape])
        model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
        model.graph.node.append(
            helper.make_node("If", ["yes"], ["logits"], then_branch=same, else_branch=same)
        )

    rewrite(folder, change)


def wants_positions(folder: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        shape = ["batch_size", "sequence_length"]
        value = helper.make_tensor_value_info("position_ids", TensorProto.INT64, shape)
        model.graph.input.append(value)

    rewrite(folder, change)


def no_numbers(folder: Path) -> None:
    def change(model: onnx.ModelProto) -> None:
        tensor = max(model.graph.initializer, key=lambda t: np.prod(t.dims))
        array = numpy_helper.to_array(tensor).copy()
        array.flat[0] = np.nan
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    rewrite(folder, change)


def rename_model(folder: Path) -> None:
    (folder / "onnx" / "model.onnx").rename(folder / "onnx" / "model_quantized.onnx")


def without(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


DAMAGES: dict[str, tuple[Damage, type[EdgeDistilError], str]] = {
    "truncated": (truncate, BundleCorrupt, "model.onnx is not an ONNX file"),
    "no tokenizer": (without("tokenizer.json"), BundleCorrupt, "no tokenizer.json"),
    "no config": (without("config.json"), BundleCorrupt, "no config.json"),
    "no model": (without("onnx/model.onnx"), BundleCorrupt, "no onnx/model.onnx"),
    "no fp32 model": (rename_model, CheckpointError, "has no model.onnx, only onnx/model_quant"),
    "another task": (other_task, OutputError, "no output start_logits, only logits"),
    "other labels": (other_outputs, OutputError, "expected floats of shape"),
    "another input": (wants_positions, SessionError, "takes the input position_ids"),
    "16 bits": (halve, QuantizeError, "weights are FLOAT16, expected FLOAT"),
    "fused": (fuse, QuantizeError, "com.microsoft.QuickGelu, expected standard ONNX operators"),
    "quantized": (quantize, QuantizeError, "so it is quantized already"),
    "old": (age, QuantizeError, "opset 9, expected 11 or later"),
    "graphs inside": (loop, QuantizeError, "has If with graphs inside"),
    "NaN": (no_numbers, QuantizeError, "holds NaN or infinity"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_cannot_be_quantized(damage: str, theirs: Path, tmp_path: Path) -> None:
    change, error, message = DAMAGES[damage]
    change(theirs)
    before = digests(theirs)
    with pytest.raises(error, match=message) as found:
        adopt_onnx(theirs, tmp_path / "out" / "bundle", accept=accept)
    assert "\n" not in str(found.value)
    assert not (tmp_path / "out").exists()
    assert digests(theirs) == before


def test_a_bundle_is_none_of_others(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a bundle of edge-distil"):
        adopt_onnx(tiny / "text_classification", tmp_path / "bundle")


@pytest.mark.parametrize("place", [".", "..", "link"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_the_directory_itself_is_no_output(
    place: str, overwrite: bool, theirs: Path, tmp_path: Path
) -> None:
    before = digests(theirs)
    (tmp_path / "link").symlink_to(theirs)
    output = tmp_path / "link" if place == "link" else theirs / place
    with pytest.raises(InputError, match="choose another directory"):
        adopt_onnx(theirs, output, overwrite=overwrite)
    assert digests(theirs) == before


def test_a_new_directory_in_theirs_is(theirs: Path) -> None:
    before = digests(theirs)
    bundle = adopt_onnx(theirs, theirs / "edge")
    assert {n: d for n, d in digests(theirs).items() if not n.startswith("edge/")} == before
    assert ed.load(bundle.path)("a charming film")
    assert ed.load(theirs)("a charming film")  # it is still what it was


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_output_with_files_of_others_stays(
    overwrite: bool, theirs: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(BundleExists, match="not empty"):
        adopt_onnx(theirs, tmp_path / "out", overwrite=overwrite)
    assert digests(tmp_path / "out").keys() == {"mine.txt"}
    with pytest.raises(BundleExists, match="not empty"):
        adopt_onnx(theirs, theirs / "onnx", overwrite=overwrite)


def test_nothing_is_written_into_the_directory_even_for_a_while(
    theirs: Path, tmp_path: Path
) -> None:
    """It may be one that can only be read; a directory's time tells what was made and removed."""
    folders = [theirs, theirs / "onnx"]
    for folder in folders:
        folder.chmod(0o555)
    before = [folder.stat().st_mtime_ns for folder in folders]
    bundle = adopt_onnx(theirs, tmp_path / "bundle")
    assert [folder.stat().st_mtime_ns for folder in folders] == before
    assert os.access(bundle.path / "onnx", os.W_OK)
    assert bundle.verify()


@pytest.mark.parametrize("name", ["vocab.txt", "special_tokens_map.json", "onnx/model.onnx"])
def test_a_link_that_leads_out_is_not_copied(name: str, theirs: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes((theirs / name).read_bytes() if (theirs / name).is_file() else b"secret")
    (theirs / name).unlink(missing_ok=True)
    (theirs / name).symlink_to(secret)
    with pytest.raises(BundleCorrupt, match="leads out"):
        adopt_onnx(theirs, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_weights_that_stand_elsewhere_are_not_read(theirs: Path, tmp_path: Path) -> None:
    model = onnx.load(theirs / "onnx" / "model.onnx")
    onnx.save(
        model, theirs / "onnx" / "model.onnx", save_as_external_data=True, size_threshold=100,
        location="model.onnx_data",
    )  # fmt: skip
    (theirs / "onnx" / "model.onnx_data").rename(tmp_path / "weights")
    with pytest.raises(CheckpointError, match=r"keeps weights in model\.onnx_data, which is not"):
        adopt_onnx(theirs, tmp_path / "bundle")
    (theirs / "onnx" / "model.onnx_data").symlink_to(tmp_path / "weights")
    with pytest.raises(BundleCorrupt, match="leads out"):
        adopt_onnx(theirs, tmp_path / "bundle")
