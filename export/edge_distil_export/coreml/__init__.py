"""Checkpoint -> Core ML package, with proof on any machine: needs ``edge-distil[coreml]``."""

from edge_distil_export.coreml.api import add_coreml

__all__ = ["add_coreml"]
