"""The ORT format of a variant: the same numbers, no larger, and what a mobile build must hold."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import shelf
from graphs import run

import edge_distil as ed
from edge_distil._writing import storage
from edge_distil.bundle import MODEL_FILES, open_bundle, write_manifest
from edge_distil.errors import BundleCorrupt, QuantizeError, VariantMissing
from edge_distil_quantize import convert_to_ort, onnx_variants

# Another order of float32 operators. fp16 differs by halves: of an .onnx file onnxruntime removes
# casts that the ORT format keeps.
TOLERANCES = {"fp32": 1e-5, "int8": 1e-5, "weights-only": 1e-5, "int4": 1e-5, "fp16": 1e-2}
KINDS = {"fp32": "qa", "int8": "shared", "weights-only": "tied", "int4": "tied", "fp16": "shared"}

PARSE = """
import json, sys
sys.modules["torch"] = None
from onnxruntime.tools.reduced_build_config_parser import parse_config
operators, types = parse_config(sys.argv[1], True)
assert types is not None
print(json.dumps({d: sorted(set().union(*v.values())) for d, v in operators.items()}))
"""


def convert(opened, variant: str):
    """Make a variant and its ORT format."""
    if variant != "fp32":
        opened = shelf.quantize(opened, variant, calibrate=False)
    return shelf.convert(opened, variant)


def required_operators(path: Path) -> dict[str, set[str]]:
    """Read the configuration as onnxruntime's build script does: domain -> operators."""
    command = [sys.executable, "-W", "ignore", "-c", PARSE, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return {domain: set(names) for domain, names in json.loads(result.stdout).items()}


@pytest.mark.parametrize("variant", TOLERANCES)
def test_numbers_and_size_are_those_of_the_onnx_file(bundle, token_ids, variant):
    made = convert(bundle(KINDS[variant]), variant)
    expected = run(made.model_path(variant), token_ids)
    got = run(made.model_path(f"{variant}-ort"), token_ids)
    for name, array in expected.items():
        greatest = max(1, np.abs(array).max())
        np.testing.assert_allclose(got[name], array, atol=TOLERANCES[variant] * greatest)
    # The weights take the same bytes, and each operator a few hundred, with the casts around it.
    operators = len(onnx.load(made.model_path(variant)).graph.node)
    sizes = {name: entry.file.bytes for name, entry in made.manifest.variants.items()}
    assert sizes[f"{variant}-ort"] <= sizes[variant] + 800 * operators


def test_the_configuration_names_what_any_cpu_has(bundle):
    made = convert(bundle("qa"), "int4")
    settings = made.manifest.variants["int4-ort"].settings
    assert settings["required_operators"] == "onnx/model_q4.required_operators.config"
    path = made.path / settings["required_operators"]
    operators = required_operators(path)
    # com.microsoft.nchwc and com.ms.internal.nhwc are layouts of one kind of CPU.
    assert operators.keys() == {"ai.onnx", "com.microsoft"}
    assert {"MatMul", "Softmax", "LayerNormalization"} <= operators["ai.onnx"]
    assert {"MatMulNBits", "GatherBlockQuantized"} <= operators["com.microsoft"]
    text = path.read_text()
    assert 'Softmax{"inputs": {"0": ["float"]}}' in text  # types are reduced too
    assert str(made.path) not in text


def test_it_loads_and_answers_as_the_onnx_file(bundle):
    path = convert(bundle("qa"), "int8").path
    assert open_bundle(path, verify=True).manifest.variants["int8-ort"].recipe == "ort"
    answers = [
        ed.QuestionAnswering.load(path, variant=name)("abc?", "a b c d e f")
        for name in ("int8", "int8-ort")
    ]
    assert answers[0][:1] + answers[0][2:] == answers[1][:1] + answers[1][2:]
    assert answers[0].score == pytest.approx(answers[1].score, rel=1e-4)


def test_an_app_may_keep_the_ort_file_alone(bundle):
    path = convert(bundle("qa"), "int8").path
    for name in ("model.onnx", "model_quantized.onnx"):
        (path / "onnx" / name).unlink()
    assert open_bundle(path).variant()[0] == "int8-ort"
    ed.load(path)


def test_the_manifest_says_what_it_was_made_from_and_how_near_it_is(bundle):
    variants = convert(bundle("qa"), "weights-only").manifest.variants
    made = variants["weights-only-ort"]
    assert made.file.path == MODEL_FILES["weights-only-ort"] == "onnx/model_int8_weights.ort"
    assert made.settings["made_from"]["sha256"] == variants["weights-only"].file.sha256
    assert "slower" in made.settings["warning"]
    assert made.evidence["onnx_file"]["max_abs_diff"] < 1e-5
    recorded = variants["weights-only"].evidence["fidelity"]["max_abs_diff"]
    assert made.evidence["fidelity"]["max_abs_diff"] == pytest.approx(recorded, rel=0.01)


def test_a_damaged_file_is_refused(bundle):
    made = convert(bundle("qa"), "fp32")
    path = made.model_path("fp32-ort")
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(BundleCorrupt, match="truncated or edited"):
        ed.load(made.path, variant="fp32-ort")
    path.write_bytes(whole[:100] + bytes(len(whole) - 100))
    with pytest.raises(BundleCorrupt, match="was edited"):
        ed.load(made.path, variant="fp32-ort")


def test_what_cannot_be_converted_is_refused(bundle, digest):
    made = convert(bundle("qa"), "fp32")
    before = digest(made.path)
    with pytest.raises(VariantMissing, match=r"no variant 'int8'.* --int8"):
        convert_to_ort(made, "int8")
    with pytest.raises(VariantMissing, match="--int8 --ort"):
        made.variant("int8-ort")
    with pytest.raises(QuantizeError, match="not an ONNX file"):
        convert_to_ort(made, "fp32-ort")
    assert onnx_variants(made) == ["fp32"]
    assert digest(made.path) == before


def test_a_graph_that_onnxruntime_refuses_leaves_the_bundle_as_it_was(bundle, digest):
    """A file that is as recorded, with an operator that no onnxruntime has."""
    made = shelf.quantize(bundle("qa"), "weights-only")
    path = made.model_path("weights-only")
    model = onnx.load(path)
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, path)
    entry = made.manifest.variants["weights-only"]
    entry = dataclasses.replace(entry, file=storage.record(made.path, path))
    write_manifest(made.path, made.manifest.with_variant("weights-only", entry))
    before = digest(made.path)
    with pytest.raises(QuantizeError, match=r"cannot convert .*NoSuchOperator"):
        convert_to_ort(made, "weights-only")
    assert digest(made.path) == before
