"""Weights that are in memory once while onnxruntime loads them: the same numbers, less memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_distil._machine import mapped
from edge_distil.errors import SessionError
from edge_distil.session import OnnxSession

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="weights are mapped on Linux")

FILES = ("model.onnx", "model_quantized.onnx")
LENGTHS = (1, 12, 128)

PEAK = """
import sys
from pathlib import Path
import numpy as np
from edge_distil.session import OnnxSession
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = peak()
session = OnnxSession(Path(sys.argv[1]), threads=1)
ids = np.arange(1, 129)[None]
session.run({name: ids if name == "input_ids" else np.ones_like(ids) for name in session.inputs})
print(peak() - before)
"""
ANSWERED = """
import sys
from pathlib import Path
import edge_distil, numpy, onnxruntime, tokenizers
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = peak()
task = edge_distil.load(sys.argv[1], variant="fp32", threads=1)
assert task("Who wrote it?", "It was written by Anton Rask in 1902.").text == "Anton Rask"
print(peak() - before)
"""
EDITED = """
import os, sys
from pathlib import Path
import numpy as np
from edge_distil.session import OnnxSession
path = Path(sys.argv[1])
session = OnnxSession(path, threads=1)
ids = np.arange(1, 30_000, 100)[None]
feeds = {name: ids if name == "input_ids" else np.ones_like(ids) for name in session.inputs}
before = session.run(feeds)
for act in (lambda: path.write_bytes(bytes(path.stat().st_size)), lambda: os.truncate(path, 0)):
    act()
    after = session.run(feeds)
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)
print("same")
"""
THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
import numpy as np
from edge_distil.session import OnnxSession
ids = np.arange(1, 30_000, 1000)[None]
def found(_):
    session = OnnxSession(Path(sys.argv[1]), threads=1)
    feeds = {name: ids if name == "input_ids" else np.ones_like(ids) for name in session.inputs}
    return b"".join(array.tobytes() for array in session.run(feeds).values())
with ThreadPoolExecutor(4) as pool:
    print("same" if len({found(0), *pool.map(found, range(24))}) == 1 else "other numbers")
"""


def feeds(session: Any, length: int) -> dict[str, np.ndarray]:
    ids = np.random.default_rng(length).integers(1, 30_000, (2, length))
    names = [end.name for end in session.get_inputs()]
    ones, zeros = np.ones_like(ids), np.zeros_like(ids)
    return {n: {"input_ids": ids, "attention_mask": ones}.get(n, zeros) for n in names}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("bulk", [False, True])
def test_same_bits_as_onnxruntime_gives_of_the_file(
    file: str, bulk: bool, embedded_bundle: Path
) -> None:
    path = embedded_bundle / "onnx" / file
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    plain = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    ours = OnnxSession(path, threads=1, bulk=bulk)
    for length in LENGTHS:
        given = feeds(plain, length)
        found = ours.run(given)
        for name, right in zip(ours.outputs, plain.run(list(ours.outputs), given), strict=True):
            assert found[name].tobytes() == right.tobytes()


def test_fp32_is_in_memory_once(embedded_bundle: Path) -> None:
    path = embedded_bundle / "onnx" / "model.onnx"
    assert int(child(PEAK, path)) <= 1.3 * path.stat().st_size


def test_all_of_a_first_answer_takes_little_beside_the_weights(embedded_bundle: Path) -> None:
    """With the tokenizer, Python's modules and onnxruntime's code: 1.30, of 90 MB."""
    file = embedded_bundle / "onnx" / "model.onnx"
    assert int(child(ANSWERED, embedded_bundle)) <= 1.33 * file.stat().st_size


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_overwritten_in_its_place_changes_nothing(
    file: str, embedded_bundle: Path, tmp_path: Path
) -> None:
    for folder in ("ein Ordner — 模型", "two\u2028lines\r\x85"):
        copy = tmp_path / folder / "model.onnx"
        copy.parent.mkdir()
        shutil.copy(embedded_bundle / "onnx" / file, copy)
        assert child(EDITED, copy) == "same"


def test_threads_open_one_model_side_by_side(embedded_bundle: Path) -> None:
    """One finds mapped what another one loads."""
    assert child(THREADS, embedded_bundle / "onnx" / FILES[1]) == "same"


def test_a_link_to_a_file_elsewhere_is_followed(embedded_bundle: Path, tmp_path: Path) -> None:
    """As the hub's cache has it: a link in a snapshot to a blob without a suffix, or with one."""
    for name in ("blob.onnx", "blob"):
        blob = tmp_path / "blobs" / name
        blob.parent.mkdir(exist_ok=True)
        shutil.copy(embedded_bundle / "onnx" / FILES[1], blob)
        link = tmp_path / f"{name}-link" / "model.onnx"
        link.parent.mkdir()
        link.symlink_to(blob)
        assert OnnxSession(link, threads=1).outputs


def test_the_model_has_no_weights_and_says_where_they_are(embedded_bundle: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = embedded_bundle / "onnx" / FILES[0]
    made = mapped.without_weights(path)
    assert made is not None
    assert len(made.model) < 1 << 20
    stripped = onnx.load_model_from_string(made.model)
    onnx.external_data_helper.load_external_data_for_model(stripped, str(path.parent))
    for tensor in stripped.graph.initializer:
        tensor.ClearField("data_location")
    assert stripped == onnx.load(path)
    tables = {tensor.name: tensor for tensor in stripped.graph.initializer}
    assert sorted(made.arrays) == sorted(
        n for n in tables if "position_emb" in n or "word_emb" in n
    )
    for name, array in made.arrays.items():
        np.testing.assert_array_equal(array, onnx.numpy_helper.to_array(tables[name]))


@pytest.mark.parametrize("shape", [(128, 160), (2, 128, 160)])
def test_nothing_stays_mapped_that_onnxruntime_does_not_pack(
    shape: tuple[int, ...], tmp_path: Path
) -> None:
    """It packs no product of several matrices: their weights are given as arrays then."""
    path = tmp_path / "model.onnx"
    path.write_bytes(large_model(shape))
    assert mapped.without_weights(path) is not None
    session = OnnxSession(path)
    assert not mapped.are_mapped({path})
    [found] = session.run({"input": np.ones((3, 128), np.float32)}).values()
    np.testing.assert_array_equal(found, np.full((*shape[:-2], 3, 160), 128, np.float32))


SHAPES = [(8, 9), (2, 8, 9), (2, 128, 160), (128, 160)]
KINDS = [np.float64, np.float16, np.int8, np.uint16, np.int16, np.uint32, np.uint64, np.bool_]


@pytest.mark.parametrize(
    ("shape", "kind"), [*((s, None) for s in SHAPES), *((SHAPES[0], k) for k in KINDS)]
)
def test_nothing_of_a_second_file_stays_mapped(
    shape: tuple[int, ...], kind: type | None, tmp_path: Path
) -> None:
    """Weights of each size, shape and type, in a model file that is itself a few hundred bytes."""
    onnx = pytest.importorskip("onnx")
    path, data = tmp_path / "model.onnx", tmp_path / "weights.bin"
    model = onnx.load_model_from_string(table_model(kind) if kind else large_model(shape))
    onnx.save(model, path, save_as_external_data=True, location=data.name, size_threshold=0)
    given = {"input": np.ones((3, shape[-2]), np.float32)}
    right = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, given)
    session = OnnxSession(path)
    for emptied in (bytes(data.stat().st_size), b""):
        data.write_bytes(emptied)
        np.testing.assert_array_equal(*session.run(given).values(), *right)


def test_small_models_and_other_files_are_opened_as_they_are(tiny: Path, tmp_path: Path) -> None:
    assert mapped.without_weights(tiny / "embedding" / "onnx" / "model.onnx") is None
    (tmp_path / "model.onnx").write_bytes(b"")
    assert mapped.without_weights(tmp_path / "model.onnx") is None
    assert mapped.without_weights(tmp_path / "absent.onnx") is None


@given(
    cut=st.none() | st.integers(0, 82_500),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
)
def test_damaged_files_are_onnxruntimes_to_refuse(
    cut: int | None, edits: list[tuple[int, int]]
) -> None:
    """Of whatever bytes: a model without weights, or none, and no other error."""
    damaged = bytearray(large_model()[:cut])
    for place, value in edits:
        if place < len(damaged):
            damaged[place] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(damaged)
        made = mapped.without_weights(path)
    assert made is None or len(made.model) < len(damaged)


def test_what_onnxruntime_refuses_is_said_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(large_model().replace(b"MatMul", b"MatMil"))
    assert mapped.without_weights(path) is not None
    with pytest.raises(SessionError, match=r"cannot load .*model\.onnx \(.*MatMil"):
        OnnxSession(path)


def test_many_fields_are_not_read_to_their_end(tmp_path: Path) -> None:
    """Four million empty fields, which would take seconds."""
    path = tmp_path / "model.onnx"
    path.write_bytes(large_model() + b"\x0a\x00" * 4_000_000)
    assert mapped.without_weights(path) is None


def large_model(shape: tuple[int, ...] = (128, 160)) -> bytes:
    """A product with a matrix, or several, large enough to be mapped."""
    from onnx import helper

    node = helper.make_node("MatMul", ["input", "weights"], ["output"])
    return model_of([node], np.ones(shape, np.float32), [*shape[:-2], "rows", shape[-1]])


def table_model(kind: type) -> bytes:
    """A table of some type, of which the input names rows."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["input"], ["rows"], to=TensorProto.INT64),
        helper.make_node("Gather", ["weights", "rows"], ["found"]),
        helper.make_node("Cast", ["found"], ["output"], to=TensorProto.FLOAT),
    ]
    return model_of(nodes, np.arange(1, 73).reshape(8, 9).astype(kind), ["rows", 8, 9])


def model_of(nodes: list[Any], weights: np.ndarray, output: list[str | int]) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, axes)
        for name, axes in (("input", ["rows", weights.shape[-2]]), ("output", output))
    ]
    tensor = numpy_helper.from_array(weights, "weights")
    graph = helper.make_graph(nodes, "product", ends[:1], ends[1:], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    return bytes(model.SerializeToString())


def child(code: str, path: Path) -> str:
    """What a fresh process prints: one that a lost page would end."""
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
