"""What is killed: a row for each verb and state of the disk."""

from __future__ import annotations

from kill_apps import CASES as APPS
from kill_bundles import EXPORT, QUANTIZE

# Those that need torch, with materials that it makes; the others need neither.
HEAVY = EXPORT
LIGHT = (*QUANTIZE, *APPS)
# What the heavy ones import, once for all of them.
MODULES = (
    "torch",
    "transformers",
    "onnxscript",
    "optimum.exporters.tasks",
    "edge_distil_export.model",
    "edge_distil_export.tasks",
    "edge_distil_export.files",
    "edge_distil_export.graph",
    "edge_distil_export.cleanup",
    "edge_distil_export.parity",
    "edge_distil_export.provenance",
    "edge_distil_export.slicing",
    "edge_distil_export.writing",
    "edge_distil_quantize",
)
