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
    "edge_distil_export.model",
    "edge_distil_quantize",
)
