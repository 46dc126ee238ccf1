"""What the file of ``int8`` holds: each weight once, standard operators, the same bytes."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import onnx
import pytest
import shelf
from onnx import numpy_helper

from edge_distil._writing import storage
from edge_distil.bundle import open_bundle
from edge_distil_quantize import quantize_bundle

KINDS = ["qa", "tied", "shared"]


def int8_arrays(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    return {name: a for name, a in arrays.items() if a.dtype == np.int8}


def inputs_of(model: onnx.ModelProto, op_type: str, index: int) -> list[str]:
    return [n.input[index] for n in model.graph.node if n.op_type == op_type]


@pytest.mark.parametrize("kind", KINDS)
def test_graph_is_valid_standard_and_without_leftovers(bundle, kind):
    opened = bundle(kind)
    quantized = shelf.quantize(opened)
    model = onnx.load(quantized.model_path("int8"))

    onnx.checker.check_model(model, full_check=True)
    before = onnx.load(quantized.model_path("fp32"))
    assert {n.domain for n in model.graph.node} <= {"", "ai.onnx"}
    assert model.opset_import == before.opset_import
    assert model.graph.input == before.graph.input
    assert [o.name for o in model.graph.output] == [o.name for o in before.graph.output]
    read = {name for node in model.graph.node for name in node.input}
    assert {t.name for t in model.graph.initializer} <= read
    counts = Counter(node.op_type for node in model.graph.node)
    assert quantized.manifest.variants["int8"].operators == counts


def test_tied_table_is_stored_once_and_serves_both(bundle):
    model = onnx.load(shelf.quantize(bundle("tied")).model_path("int8"))
    tables = [name for name, a in int8_arrays(model).items() if 1000 in a.shape]
    assert len(tables) == 1
    assert tables[0] in inputs_of(model, "Gather", 0)
    assert tables[0] in inputs_of(model, "Transpose", 0)
    assert not any(
        t.data_type == onnx.TensorProto.FLOAT and np.prod(t.dims) >= 64_000
        for t in model.graph.initializer
    )


def test_shared_layers_are_stored_once(bundle):
    """ALBERT: six matrices serve every layer; the embedding projection and the pooler one each."""
    model = onnx.load(shelf.quantize(bundle("shared")).model_path("int8"))
    products = inputs_of(model, "MatMulInteger", 1)
    assert len(products) == 3 * 6 + 2
    assert len(set(products)) == 6 + 2
    contents = [a.tobytes() for a in int8_arrays(model).values()]
    assert len(contents) == len(set(contents))


def test_one_quantized_activation_serves_query_key_and_value(bundle):
    model = onnx.load(shelf.quantize(bundle("qa")).model_path("int8"))
    readers = Counter(inputs_of(model, "MatMulInteger", 0))
    assert sorted(readers.values()) == [1, 1, 1, 1, 1, 1, 3, 3]


def test_heads_and_attention_scores_stay_float(bundle):
    model = onnx.load(shelf.quantize(bundle("qa")).model_path("int8"))
    # Two layers with two products of activations each, and the two-column head.
    assert Counter(n.op_type for n in model.graph.node)["MatMul"] == 5


@pytest.mark.parametrize("kind", KINDS)
def test_weights_take_a_quarter(bundle, kind):
    """Bytes of what was quantized, scales included; these tiny graphs are half operators."""
    quantized = shelf.quantize(bundle(kind))
    before = onnx.load(quantized.model_path("fp32"))
    after = onnx.load(quantized.model_path("int8"))
    matrices = sum(4 * int(np.prod(t.dims)) for t in before.graph.initializer if len(t.dims) == 2)
    small = sum(4 * int(np.prod(t.dims)) for t in before.graph.initializer if len(t.dims) != 2)
    total = sum(len(t.raw_data) for t in after.graph.initializer)
    scales = 2 * 4 * 1000 + 4 * 64 * 30  # two for a tied row, a channel's of each matrix
    assert total - small - scales <= 0.31 * matrices  # small tables stay float32


def test_same_input_gives_the_same_bytes(bundle):
    opened = bundle("tied")
    first = quantize_bundle(opened).manifest.variants["int8"].file
    assert quantize_bundle(opened).manifest.variants["int8"].file == first


@pytest.mark.slow
def test_distilbert_base_is_at_most_0_26_of_fp32(tmp_path, checkpoint_of):
    from edge_distil_export import export_bundle

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's and transformers' own
        checkpoint = checkpoint_of(
            tmp_path / "c", "DistilBertForQuestionAnswering", "DistilBertConfig", vocab_size=30522
        )
        # Random weights this large amplify rounding; only the sizes matter here.
        exported = export_bundle(checkpoint, tmp_path / "bundle", atol=0.1)
    variants = quantize_bundle(exported).manifest.variants
    assert variants["int8"].file.bytes <= 0.26 * variants["fp32"].file.bytes


def test_the_manifest_holds_the_evidence(bundle):
    path = shelf.quantize(bundle("qa")).path
    reopened = open_bundle(path, verify=True)
    variant = reopened.manifest.variants["int8"]
    assert variant.recipe == "int8"
    assert variant.file == storage.record(path, path / "onnx/model_quantized.onnx")
    for measured in ("fidelity", "random_tokens"):
        found = variant.evidence[measured]
        assert 0.99 < found["min_cosine"] <= found["mean_cosine"] <= 1
        assert found["max_abs_diff"] > 0
        assert found["cpu"]
    assert variant.evidence["fidelity"]["inputs"] == 10
    assert {"onnx", "onnx-ir", "onnxruntime"} <= variant.tools.keys()
