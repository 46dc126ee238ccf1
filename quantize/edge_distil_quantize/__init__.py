"""Bundle -> smaller variants with their evidence: ``pip install 'edge-distil[export]'``."""

from edge_distil_quantize.api import quantize_bundle
from edge_distil_quantize.calibration.inputs import check_data
from edge_distil_quantize.fused.convert import fuse_variant
from edge_distil_quantize.reading.model import check_model
from edge_distil_quantize.recipes import RECIPES
from edge_distil_quantize.recipes.ort_format import convert_to_ort, onnx_variants
from edge_distil_quantize.sensitivity.budget import quantize_within_budget
from edge_distil_quantize.sensitivity.duration import report_seconds
from edge_distil_quantize.sensitivity.report import describe_sensitivity

__all__ = [
    "RECIPES",
    "check_data",
    "check_model",
    "convert_to_ort",
    "describe_sensitivity",
    "fuse_variant",
    "onnx_variants",
    "quantize_bundle",
    "quantize_within_budget",
    "report_seconds",
]
