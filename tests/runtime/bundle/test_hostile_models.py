"""Models of strangers: names that are no text, outputs that are no arrays, files without an end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

import edge_distil as ed
from edge_distil import errors
from edge_distil._reading import untrusted
from edge_distil._writing import storage

Copy = Callable[[str], Path]
IDS = helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"])
FLOATS = helper.make_node("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT)


def model(
    nodes: Sequence[NodeProto], inputs: Sequence[ValueInfoProto], output: ValueInfoProto
) -> ModelProto:
    graph = helper.make_graph(list(nodes), "graph", list(inputs), [output])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 9
    return made


def logits(name: str = "logits") -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


def put(bundle: Path, data: bytes) -> Path:
    """Let a plain hub directory have this model alone."""
    (bundle / "edge_distil.json").unlink()
    (bundle / "onnx" / "model_quantized.onnx").unlink(missing_ok=True)
    (bundle / "onnx" / "model.onnx").write_bytes(data)
    return bundle


@pytest.mark.parametrize("name", [b"input_ids", b"logits"])
def test_names_that_are_no_text_are_our_error_and_stdout_stays_clean(
    tiny_copy: Copy, name: bytes
) -> None:
    data = model(
        [helper.make_node("Identity", ["floats"], ["logits"]), FLOATS][::-1], [IDS], logits()
    ).SerializeToString()
    bundle = put(tiny_copy("text_classification"), data.replace(name, b"\xff" * len(name)))
    with pytest.raises(errors.SessionError):
        ed.load(bundle)


def test_onnxruntime_says_nothing_on_stdout(tiny_copy: Copy) -> None:
    data = model([FLOATS], [IDS], logits("floats")).SerializeToString()
    bundle = put(tiny_copy("text_classification"), data.replace(b"Cast", b"C\xff\xfet"))
    code = (
        "import sys, edge_distil as ed\ntry: ed.load(sys.argv[1])\nexcept ed.EdgeDistilError: pass"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_model_without_inputs_is_refused(tiny_copy: Copy) -> None:
    made = helper.make_node("RandomUniform", [], ["logits"], shape=[1, 2])
    bundle = put(tiny_copy("text_classification"), model([made], [], logits()).SerializeToString())
    with pytest.raises(errors.SessionError, match="takes no input, expected token ids"):
        ed.load(bundle)


@pytest.mark.parametrize("output", ["logits", "sentence_embedding"])
def test_a_sequence_of_arrays_is_no_output(tiny_copy: Copy, output: str) -> None:
    nodes = [
        FLOATS,
        helper.make_node("ReduceSum", ["floats"], ["sum"]),
        helper.make_node("SequenceConstruct", ["floats", "sum"], [output]),
    ]
    end = helper.make_tensor_sequence_value_info(output, TensorProto.FLOAT, None)
    kind = "text_classification" if output == "logits" else "embedding"
    task = ed.load(put(tiny_copy(kind), model(nodes, [IDS], end).SerializeToString()))
    with pytest.raises(errors.OutputError, match=f"gives {output} as a list, expected floats"):
        task.encode("a text") if isinstance(task, ed.Embedding) else task("a text")  # type: ignore[operator]


def test_vectors_of_one_model_have_one_length(tiny_copy: Copy) -> None:
    """Here the vector is as long as the batch is wide."""
    node = helper.make_node("Cast", ["input_ids"], ["sentence_embedding"], to=TensorProto.FLOAT)
    data = model([node], [IDS], logits("sentence_embedding")).SerializeToString()
    task = ed.Embedding.load(put(tiny_copy("embedding"), data))
    with pytest.raises(errors.OutputError, match="numbers after vectors of"):
        task.encode(["a", "a text of some more words " * 3], batch_size=1)


@pytest.mark.parametrize("manifest", [True, False])
def test_a_model_larger_than_its_format_is_not_read(tiny_copy: Copy, manifest: bool) -> None:
    bundle = tiny_copy("text_classification")
    os.truncate(bundle / "onnx" / "model.onnx", 10 << 30)
    path = bundle / "edge_distil.json"
    document = json.loads(path.read_text("utf-8"))
    document["variants"]["fp32"]["file"]["bytes"] = 10 << 30
    path.write_text(json.dumps(document))
    if not manifest:
        path.unlink()
    with pytest.raises(errors.BundleCorrupt, match="has 10,737,418,240 bytes, expected at most"):
        ed.load(bundle)


def test_a_file_with_holes_gets_no_higher_limits(tiny_copy: Copy) -> None:
    bundle = tiny_copy("text_classification")
    usual = untrusted._size(bundle)
    (bundle / "holes.bin").touch()
    os.truncate(bundle / "holes.bin", 10 << 30)
    assert untrusted._size(bundle) < usual + (1 << 20)


def test_an_empty_model_in_the_ort_format_is_our_error(tiny_copy: Copy) -> None:
    bundle = tiny_copy("text_classification")
    (bundle / "onnx" / "model.ort").touch()
    path = bundle / "edge_distil.json"
    document = json.loads(path.read_text("utf-8"))
    new = vars(storage.record(bundle, bundle / "onnx" / "model.ort"))
    document["variants"]["fp32"]["file"] = new
    path.write_text(json.dumps(document))
    with pytest.raises(errors.SessionError):
        ed.load(bundle, verify=True)


@pytest.mark.skipif(not Path("/sys/kernel/mm").is_dir(), reason="a file that cannot be mapped")
def test_a_file_that_the_system_does_not_read_is_our_error(tiny_copy: Copy) -> None:
    bundle = put(tiny_copy("text_classification"), b"")
    (bundle / "onnx" / "model.onnx").unlink()
    (bundle / "onnx" / "model.onnx").symlink_to("/sys/kernel/mm/transparent_hugepage/enabled")
    with pytest.raises(errors.BundleError):
        ed.load(bundle)


def test_a_file_named_twice_is_hashed_once(
    tiny_copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tiny_copy("text_classification")
    path = bundle / "edge_distil.json"
    document = json.loads(path.read_text("utf-8"))
    document["files"] *= 10
    path.write_text(json.dumps(document))
    hashed: list[Path] = []
    digest = storage.sha256

    def sha256(path: Path) -> str:
        hashed.append(path)
        return digest(path)

    monkeypatch.setattr(storage, "sha256", sha256)
    ed.open_bundle(bundle)
    assert len(hashed) == len(set(hashed)) > 1


def test_files_beside_a_model_that_it_does_not_name_are_nothing_to_it(tiny_copy: Copy) -> None:
    bundle = tiny_copy("text_classification")
    for number in range(101):
        (bundle / "onnx" / f"{number}.bin").touch()
    assert ed.open_bundle(bundle, verify=True)
