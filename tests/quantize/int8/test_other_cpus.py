"""int8 on x86 processors without VNNI, emulated: products are exact where saturation would show.

`make arm-check` does the same with the embedded checkpoint, on Arm too.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edge_distil_quantize import fuse_variant, quantize_bundle
from tables.processors.emulation import INSTALL, Cpu, missing_tools, run_on
from tables.processors.opened_models import exact, open_products, stored_arrays

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing_tools()), reason=f"needs qemu: {INSTALL}"),
]
WORKER = Path(__file__).parents[3] / "bench" / "tables" / "processors" / "cpu_worker.py"
CPUS = [Cpu("SandyBridge", "AVX without AVX2"), Cpu("Haswell", "AVX2 without VNNI")]


@pytest.fixture
def products_on(tmp_path):
    """Run a model on a processor; say of each integer product whether it equals numpy's."""

    def run(cpu: Cpu, file, feeds) -> list[bool]:
        opened = tmp_path / "opened.onnx"
        products = open_products(file, opened)
        np.savez(tmp_path / "feeds.npz", **feeds)
        job = {"pairs": [], "models": {"opened": {
            "file": str(opened), "feeds": [str(tmp_path / "feeds.npz")]}}}  # fmt: skip
        (tmp_path / "job.json").write_text(json.dumps(job))
        run_on(cpu, WORKER, tmp_path / "job.json", tmp_path)
        with np.load(tmp_path / "opened-0.npz") as outputs:
            return [exact(p, stored_arrays(opened), dict(outputs)) for p in products]

    return run


@pytest.mark.parametrize("variant", ["int8", "int8-fused"])
@pytest.mark.parametrize("cpu", CPUS, ids=lambda cpu: cpu.model)
def test_every_product_is_exact(bundle, token_ids, products_on, cpu, variant):
    model = fuse_variant(quantize_bundle(bundle("qa")), "int8").model_path(variant)
    feeds = {"input_ids": token_ids, "attention_mask": np.ones_like(token_ids)}

    found = products_on(cpu, model, feeds)

    assert len(found) == 12
    assert all(found)


def test_full_range_weights_saturate_without_vnni(tmp_path, products_on):
    """The fault that the recipe avoids: were it not seen, the test above could not fail."""
    weight = numpy_helper.from_array(np.full((64, 16), 127, np.int8), "weight")
    zero = numpy_helper.from_array(np.uint8(0), "zero")
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["input_ids"], ["bytes"], to=onnx.TensorProto.UINT8),
            helper.make_node("MatMulInteger", ["bytes", "weight", "zero"], ["product"]),
        ],
        "full_range",
        [helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, [None, 64])],
        [helper.make_tensor_value_info("product", onnx.TensorProto.INT32, [None, 16])],
        [weight, zero],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, tmp_path / "full_range.onnx")

    found = products_on(CPUS[1], tmp_path / "full_range.onnx", {"input_ids": np.full((8, 64), 255)})

    assert found == [False]
