"""Checkpoint -> bundle, on a workstation: needs ``pip install 'edge-distil[export]'``."""

from edge_distil_export.export import DEFAULT_OPSET, export_bundle

__all__ = ["DEFAULT_OPSET", "export_bundle"]
