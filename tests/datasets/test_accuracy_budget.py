"""``--max-drop`` on SQuAD: a real model made to break recovers, for less than its whole layer."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import onnx_ir as ir
from outliers import break_bundle

import edge_distil as ed
from edge_distil.evaluate import evaluate
from edge_distil_quantize import quantize_bundle, quantize_within_budget
from edge_distil_quantize.rewrites.operators import find_operators

NORM = "node_layer_norm_7"  # of layer 3, before its feed-forward half
LAYER = "encoder.layer.3."
DROP = 0.5  # percent


def test_a_real_model_recovers_for_less_than_its_layer(
    embedded_bundle: Path, data: Path, tmp_path: Path
) -> None:
    path = data / "squad" / "dev.json"
    bundle = break_bundle(ed.open_bundle(shutil.copytree(embedded_bundle, tmp_path / "qa")), NORM)
    graph = ir.from_proto(onnx.load(bundle.model_path("fp32"))).graph
    layer = [o.name for o in find_operators(graph) if o.label.startswith(LAYER)]
    whole = quantize_bundle(bundle, calibrate=False, keep=layer).manifest.variants["int8"]

    bundle = quantize_within_budget(bundle, data=path, max_drop=DROP, calibrate=False)
    variant = bundle.manifest.variants["int8"]
    budget = variant.evidence["accuracy_budget"]
    result = evaluate(ed.load(bundle.path, variant="int8"), path).metrics["f1"]

    assert budget["plain"] < budget["allowed"] == budget["fp32"] * (1 - DROP / 100)
    assert result == budget["result"] >= budget["allowed"]
    assert len(budget["kept"]) < len(layer)
    assert variant.file.bytes < whole.file.bytes
