"""Checkpoint -> bundle, on a workstation: needs ``pip install 'edge-distil[export]'``."""

from edge_distil_export.adopt import adopt_onnx
from edge_distil_export.export import DEFAULT_OPSET, export_bundle

__all__ = ["DEFAULT_OPSET", "adopt_onnx", "export_bundle"]
