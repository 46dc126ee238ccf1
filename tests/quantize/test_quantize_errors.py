"""Wrong inputs and interruptions: one clear line, and the bundle as it was."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from graphs import constants, matrices, with_constants

from edge_distil._writing import storage
from edge_distil.bundle import open_bundle, write_manifest
from edge_distil.errors import BundleCorrupt, QuantizeError, VariantMissing
from edge_distil.manifest import Variant
from edge_distil_quantize import quantize_bundle

pytestmark = pytest.mark.wide

LIMITED = """
import resource, signal, sys
from edge_distil.errors import StorageError
from edge_distil_quantize import quantize_bundle
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write past the limit fails with EFBIG
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
quantize_bundle(sys.argv[1])
"""

CAN_MOUNT = not subprocess.run(
    ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
).returncode


@pytest.fixture
def small_disk(tmp_path):
    """Copy a bundle to a disk of its own that has room for a small file more, no model."""
    mounted = []

    def copy(source: Path) -> Path:
        room = 100_000 + sum(p.stat().st_size for p in source.rglob("*") if p.is_file())
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", str(disk)]
        subprocess.run(mount, check=True)
        mounted.append(disk)
        return Path(shutil.copytree(source, disk / "bundle"))

    yield copy
    for disk in mounted:
        subprocess.run(["umount", str(disk)], check=True)


def with_fp32(bundle, model):
    """Put another graph into the bundle as its fp32 variant."""
    path = bundle.path / "onnx/model.onnx"
    onnx.save(model, path)
    variant = Variant(storage.record(bundle.path, path), "export")
    return write_manifest(bundle.path, bundle.manifest.with_variant("fp32", variant))


def test_unknown_recipe_names_the_known(bundle):
    with pytest.raises(QuantizeError, match="'int3': choose one of int8"):
        quantize_bundle(bundle("qa"), "int3")


def test_without_fp32_variant(bundle):
    opened = bundle("qa")
    write_manifest(opened.path, dataclasses.replace(opened.manifest, variants={}))
    with pytest.raises(VariantMissing, match="no variant 'fp32'"):
        quantize_bundle(opened.path)


def test_a_quantized_graph_is_refused(bundle):
    opened = quantize_bundle(bundle("qa"))
    opened = with_fp32(opened, onnx.load(opened.model_path("int8")))
    with pytest.raises(QuantizeError, match="quantized already"):
        quantize_bundle(opened)


def test_a_graph_with_nothing_to_quantize_is_refused(bundle):
    opened = bundle("qa")
    graph = onnx.parser.parse_model(
        """<ir_version: 8, opset_import: ["" : 18]>
        g (int64[b, s] input_ids) => (float[b, s] y) { y = Cast<to = 1>(input_ids) }"""
    )
    with pytest.raises(QuantizeError, match="nothing can be quantized; its operators are 1 Cast"):
        quantize_bundle(with_fp32(opened, graph))


@pytest.mark.parametrize(
    ("header", "node", "message"),
    [
        ('"" : 18, "com.microsoft" : 1', "com.microsoft.Gelu", "standard ONNX operators alone"),
        ('"" : 9', "Neg", "opset 9, expected 11"),
    ],
)
def test_graphs_of_another_kind_are_refused(bundle, header, node, message):
    graph = onnx.parser.parse_model(
        f"""<ir_version: 8, opset_import: [{header}]>
        g (float[b, s] x) => (float[b, s] y) {{ y = {node}(x) }}"""
    )
    with pytest.raises(QuantizeError, match=message):
        quantize_bundle(with_fp32(bundle("qa"), graph))


def _with_weight(opened, number):
    """Put a number into one weight of the fp32 graph; returns bundle and the weight's name."""
    graph = onnx.load(opened.model_path("fp32"))
    arrays = {n: a for n, a in constants(graph).items() if a.dtype == np.float32 and a.ndim}
    name = max(arrays, key=lambda n: arrays[n].size)
    array = arrays[name].copy()
    array.reshape(-1)[-1] = number
    return with_fp32(opened, with_constants(graph, {name: array})), name


@pytest.mark.parametrize("recipe", ["int8", "int8-static", "weights-only", "fp16", "int4"])
@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused(bundle, digest, recipe, number):
    opened, name = _with_weight(bundle("qa"), number)
    before = digest(opened.path)
    with pytest.raises(QuantizeError, match=f"constant {re.escape(name)} holds NaN or infinity"):
        quantize_bundle(opened, recipe)
    assert digest(opened.path) == before


def test_weights_beyond_float16_are_refused(bundle):
    opened, name = _with_weight(bundle("qa"), 70_000.0)
    with pytest.raises(QuantizeError, match=rf"{re.escape(name)} reaches 7e\+04, float16 holds"):
        quantize_bundle(opened, "fp16")


def test_a_variant_that_overflows_is_refused(bundle, digest):
    opened = bundle("qa")
    graph = onnx.load(opened.model_path("fp32"))
    stored = {n: a for n, a in constants(graph).items() if n in matrices(graph)}
    # Each weight fits float16; their products do not.
    larger = {
        name: array * np.float32(50_000 / np.abs(array).max()) for name, array in stored.items()
    }
    opened = with_fp32(opened, with_constants(graph, larger))
    before = digest(opened.path)
    with pytest.raises(QuantizeError, match="fp16 gives NaN or infinity as start_logits"):
        quantize_bundle(opened, "fp16")
    assert digest(opened.path) == before


def test_a_directory_without_manifest_is_refused(bundle):
    opened = bundle("qa")
    (opened.path / "edge_distil.json").unlink()
    with pytest.raises(QuantizeError, match="make a bundle of it with"):
        quantize_bundle(opened.path)


def test_a_truncated_model_is_refused(bundle):
    opened = bundle("qa")
    path = opened.path / "onnx/model.onnx"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BundleCorrupt, match="truncated"):
        quantize_bundle(opened)


@pytest.mark.parametrize("there_already", [False, True])
def test_a_write_that_fails_leaves_the_bundle_as_it_was(bundle, digest, there_already):
    opened = bundle("qa")
    if there_already:
        quantize_bundle(opened)
    before = digest(opened.path)
    limit = 100_000  # bytes a file: the model has more, the manifest less

    result = subprocess.run(
        [sys.executable, "-c", LIMITED, str(opened.path), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode != 0
    assert "File too large" in result.stderr
    assert digest(opened.path) == before
    open_bundle(opened.path, verify=True)


@pytest.mark.skipif(not CAN_MOUNT, reason="needs the right to mount a small file system")
def test_no_space_left(bundle, digest, small_disk):
    opened = bundle("qa")
    target = small_disk(opened.path)
    before = digest(target)
    with pytest.raises(storage.StorageError, match="no space is left"):
        quantize_bundle(target)
    assert digest(target) == before


def test_a_kept_variant_survives_another(bundle):
    opened = quantize_bundle(bundle("qa"))
    again = quantize_bundle(opened)
    assert list(again.manifest.variants) == ["fp32", "int8"]
    open_bundle(again.path, verify=True)
