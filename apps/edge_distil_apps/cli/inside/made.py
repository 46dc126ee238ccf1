"""How variants were made, in words for who never quantized; ``--json`` has every setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge_distil._reading.fields import figure
from edge_distil.bundle import CORE_ML, FUSED
from edge_distil.manifest import Manifest, Variant
from edge_distil_apps.cli import console

_STATIC_TEXTS = "calibration_texts"  # in the settings of int8-static
_DIGITS = 12  # of a hash, in words
_KEPT = "kept_fp32"  # operators that a budget left as they were
_MODELS = {
    "fp32": "32-bit floats, as PyTorch computes",
    "int8": "weights and activations as 8-bit integers, the same integers on every CPU",
    "int8-static": "weights and activations as 8-bit integers whose ranges are fixed beforehand",
    "weights-only": "weights as 8-bit integers, computed with 32-bit floats",
    "fp16": "16-bit floats",
    "int4": "weights as 4-bit integers, computed with 32-bit floats",
}
# How the names of other forms of a variant end, and what they are.
_FORMS = {
    "-ort": "in ONNX Runtime's own format",
    FUSED: "with onnxruntime's own operators, for texts without padding",
}
_COMPRESSED = {
    "int8": "weights as 8-bit integers",
    "palette6": "weights from a table of 64 values",
    "palette4": "weights from a table of 16 values",
}


def in_words(name: str, manifest: Manifest) -> str:
    """Say in a line how a variant was made."""
    variant = manifest.variants[name]
    kept = variant.settings.get(_KEPT)
    words = [
        origin(variant) or _kind(name, variant.operators) or f"made by {variant.recipe}",
        calibration(variant.settings),
        f"{console.count(len(kept), 'operator')} left in fp32" if isinstance(kept, list) else "",
    ]
    warning = variant.settings.get("warning")
    if isinstance(warning, str):
        words.append(warning)
    words.append(_outdated(variant, manifest))
    if _object(variant.evidence, "company").get("same_bits") is False:
        words.append("what it says of a text depends on the texts that it runs together with")
    return "; ".join(filter(None, words))


def _outdated(variant: Variant, manifest: Manifest) -> str:
    """Say of another form of a variant if that was replaced since."""
    source = _object(variant.settings, "made_from")
    for name, other in manifest.variants.items():
        if source.get("path") == other.file.path and source.get("sha256") != other.file.sha256:
            flag = "--fused" if variant.recipe == "fused" else "--ort"
            return f"of an earlier {name}: edge-distil quantize --{name} {flag} makes it again"
    return ""


def origin(variant: Variant) -> str:
    """Say where a model comes from that edge-distil did not export."""
    source = _object(variant.settings, "from")
    files = source.get("files")
    first = files[0] if isinstance(files, list) and files and isinstance(files[0], dict) else {}
    if not first:
        return ""
    producer, opset = variant.settings.get("producer"), variant.settings.get("opset")
    return (
        f"32-bit floats, not exported by edge-distil: {first.get('path')} of "
        f"{source.get('directory')}, written by {producer}, opset {opset}, "
        f"sha256 {str(first.get('sha256'))[:_DIGITS]}"
    )


def _object(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _kind(name: str, operators: Mapping[str, int]) -> str:
    if name.split("-")[0] == CORE_ML:
        how = _COMPRESSED.get(name.removeprefix(CORE_ML).removeprefix("-"))
        return "a Core ML package" + (f", {how}" if how else "")
    form = next((end for end in _FORMS if name.endswith(end)), "")
    recipe = name.removesuffix(form)
    if recipe == "int8" and operators and not any("Integer" in operator for operator in operators):
        recipe = "weights-only"  # a table alone, of which nothing is multiplied
    kind = _MODELS.get(recipe, "")
    return f"{kind}; {_FORMS[form]}" if kind and form else kind


def calibration(settings: Mapping[str, Any]) -> str:
    """Say what taught the scales; older bundles do not."""
    texts = figure(settings, "calibration", "inputs") or figure(settings, _STATIC_TEXTS)
    if texts is not None:
        return f"calibrated on {console.count(int(texts), 'text')}"
    return "not calibrated" if settings.get("calibration", "") is None else ""
