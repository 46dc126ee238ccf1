"""What ``doctor`` looks at one by one, and in which words it says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edge_distil._machine import engines, installation
from edge_distil.bundle import Bundle
from edge_distil.errors import EdgeDistilError
from edge_distil.manifest import FileRecord

if TYPE_CHECKING:
    from edge_distil.evaluate.drift import Drift


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: Of what.
        ok: Nothing is wrong with it.
        found: What was seen.
        drift: A variant's, from fp32, where it was measured.
        left_out: It is a variant whose files are not here, which is in order where others are.
    """

    name: str
    ok: bool
    found: str
    drift: Drift | None = None
    left_out: bool = False


def wrong_files(bundle: Bundle) -> dict[FileRecord, EdgeDistilError]:
    """Return the files here that are not as the manifest records them, with what each has."""
    variants = bundle.manifest.variants
    here = [record for name in bundle.present_variants() for record in variants[name].records]
    found: dict[FileRecord, EdgeDistilError] = {}
    for record in dict.fromkeys((*bundle.manifest.files, *here)):
        try:
            bundle.check_file(record, full=True)
        except EdgeDistilError as error:
            found[record] = error
    return found


def in_words(drift: Drift) -> str:
    """Say how far outputs are from fp32's."""
    like = f"mean cosine {drift.mean_cosine:.4f}"
    if drift.spread is not None:  # of a model that gives one number
        like = f"{drift.mean_abs_diff:.2g} on average, of scores that spread by {drift.spread:.2g}"
    return f"drift from fp32 {drift.max_abs_diff:.3g}, {like}"


def check_engine(bundle: Bundle, name: str) -> Check:
    """Check fp32 on another engine; what that one cannot run is no fault of the bundle's."""
    from edge_distil.encoder import open_encoder
    from edge_distil.evaluate.drift import measure_drift

    try:
        encoder = open_encoder(bundle.path, variant="fp32", engine=name, untrusted=True)
    except EdgeDistilError as error:
        return Check(name, True, str(error), left_out=True)
    drift = measure_drift(open_encoder(bundle.path, variant="fp32"), encoder)
    return Check(name, True, f"runs fp32; {in_words(drift)}", drift)


def model_file(bundle: Bundle, name: str) -> Path:
    """Return the file that a variant, or another engine, runs."""
    return bundle.model_path("fp32" if name in engines.available() else name)


def bf16_in_words() -> str:
    """Say whether this processor has bf16, and what can use it."""
    found = engines.bf16_features()
    if not found:
        return "none that the system tells of"
    users = [name for name in engines.available() if name.endswith(engines.BF16)]
    hint = f"{installation.install(engines.OPENVINO)} for an engine that uses it"
    return f"{found} ({', '.join(users) or hint})"
