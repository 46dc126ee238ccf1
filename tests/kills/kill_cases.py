"""What is killed: a row for each verb and state of the disk."""

from __future__ import annotations

from kill_apps import CASES as APPS
from kill_bundles import BUDGET, EXPORT, QUANTIZE
from kill_measuring import CASES as MEASURING

# Those that need torch, or materials that it makes, or much time; the others need none of it.
HEAVY = (*EXPORT, *BUDGET, *MEASURING)
LIGHT = (*QUANTIZE, *APPS)
# What the heavy ones import, once for all of them.
MODULES = (
    "torch",
    "transformers",
    "onnxscript",
    "optimum.exporters.tasks",
    "edge_distil_export.checkpoints.model",
    "edge_distil_export.tasks",
    "edge_distil_export.files",
    "edge_distil_export.graphs.graph",
    "edge_distil_export.graphs.cleanup",
    "edge_distil_export.adopt",
    "edge_distil_export.adopted_graph",
    "edge_distil_export.coreml",
    "edge_distil_export.parity",
    "edge_distil_export.provenance",
    "edge_distil_export.graphs.slicing",
    "edge_distil_export.writing",
    "edge_distil_quantize",
)
