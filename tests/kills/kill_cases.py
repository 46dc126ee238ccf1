"""What is killed: a row for each verb and state of the disk. `CASES` is the whole table."""

from __future__ import annotations

from kill_bundles import CASES as BUNDLES
from kill_everywhere import Case

CASES: tuple[Case, ...] = (*BUNDLES,)
# What the commands import, once for all of them.
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
