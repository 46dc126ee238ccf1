"""A note beside a bundle: whether its weights were trained, and what was counted from its graph.

A device without onnx reads what was counted where the bundle was made, and random weights cannot
be taken for trained ones when the bundle is carried to another device.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edge_distil._machine.interpreter import python
from edge_distil._writing import storage
from edge_distil.bundle import Bundle
from edge_distil.errors import BundleCorrupt, ExportError, reason

_FILE = "study.json"


@dataclass(frozen=True)
class Provenance:
    """The note.

    Attributes:
        trained: False for seeded random weights.
        source: The checkpoint, in words.
        calibrated: Whether int8 was made with calibration.
        parameters: See `edge_distil_bench.records.Model`.
        flops: Likewise.
        request: What it was made from; a bundle of another request is made again.
    """

    trained: bool
    source: str
    calibrated: bool | None = None
    parameters: int | None = None
    flops: tuple[float, float] | None = None
    request: str = ""


def write_provenance(bundle: Path, provenance: Provenance) -> None:
    """Write the note: the last thing that is done to a bundle."""
    with storage.atomic_file(bundle / _FILE) as temporary:
        temporary.write_text(json.dumps(asdict(provenance), indent=1) + "\n", encoding="utf-8")


def read_provenance(bundle: Path) -> Provenance | None:
    """Return the note of a bundle, ``None`` where there is none.

    Raises:
        BundleCorrupt: It cannot be read.
    """
    file = bundle / _FILE
    if not file.is_file():
        return None
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        flops = raw.pop("flops")
        return Provenance(**raw, flops=tuple(flops) if flops else None)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleCorrupt(
            f"{file} was edited or cut ({type(error).__name__}: {reason(error)}): delete it, or "
            "copy the bundle again"
        ) from error


def describe(bundle: Bundle) -> Provenance:
    """Return the note of a bundle that was made elsewhere; one without is taken as trained."""
    provenance = read_provenance(bundle.path)
    if provenance is not None:
        return provenance
    name = bundle.manifest.checkpoint.name
    return Provenance(trained=True, source=name, **count(bundle))


def count(bundle: Bundle) -> dict[str, Any]:
    """Count parameters and operations of a bundle's fp32 graph.

    In a process of its own, which the weights leave with. Without onnx the manifest's number of
    parameters stands, and there are no operations.

    Raises:
        ExportError: The graph cannot be counted.
    """
    if find_spec("onnx") is None or "fp32" not in bundle.manifest.variants:
        return {"parameters": bundle.manifest.checkpoint.parameters, "flops": None}
    command = python("-m", "edge_distil_apps.study.counting", bundle.model_path("fp32"))
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise ExportError(f"cannot count the operations of {bundle.path}: {last}")
    found = json.loads(run.stdout)
    return {"parameters": found["parameters"], "flops": tuple(found["flops"])}
