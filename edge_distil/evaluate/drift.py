"""Drift: how far a variant's outputs are from fp32's on this CPU, on the golden probes.

The manifest holds the drift of the machine where the variant was made. Where another CPU gives
more, its integer kernels compute something else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_distil.encoder import Encoder
from edge_distil.session import Floats


@dataclass(frozen=True)
class Drift:
    """Differences over all outputs and probes.

    Attributes:
        max_abs_diff: Greatest absolute difference of an output value.
        mean_cosine: Mean cosine between the two variants' rows of outputs.
        min_cosine: The least one.
    """

    max_abs_diff: float
    mean_cosine: float
    min_cosine: float


def measure_drift(reference: Encoder, variant: Encoder) -> Drift:
    """Run the manifest's golden probes through both and compare every output.

    Args:
        reference: The fp32 variant.
        variant: Another variant of the same bundle.
    """
    texts = [probe.text for probe in reference.bundle.manifest.golden]
    differences: list[float] = []
    cosines: list[float] = []
    for encoding in reference.tokenizer.encode(texts):
        [(_, expected)] = reference.run([encoding])
        [(_, got)] = variant.run([encoding])
        for name, values in expected.items():
            differences.append(float(np.abs(values - got[name]).max()))
            cosines.append(_cosine(values.ravel(), got[name].ravel()))
    return Drift(max(differences), float(np.mean(cosines)), min(cosines))


def _cosine(a: Floats, b: Floats) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-12))
