"""Drift: how far a variant's outputs are from fp32's on this CPU, on the golden probes.

The manifest holds the drift of the machine where the variant was made. Where another CPU gives
more, its integer kernels compute something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edge_distil.encoder import Encoder
from edge_distil.errors import OutputError
from edge_distil.session import Floats

_SMALLEST_NORM = 1e-12  # of a row of outputs: keeps a row of zeros from dividing by zero

Outputs = Mapping[str, Floats]


@dataclass(frozen=True)
class Drift:
    """Differences over all outputs and inputs.

    Attributes:
        max_abs_diff: Greatest absolute difference of an output value.
        mean_cosine: Mean cosine between the two variants' outputs, flattened. A single number has
            no direction but its sign: where each input gives one, the cosine is of all together.
        min_cosine: The least one.
        mean_abs_diff: Mean absolute difference, where each input gives one number.
        spread: Standard deviation of the reference's numbers, against which to hold that.
    """

    max_abs_diff: float
    mean_cosine: float
    min_cosine: float
    mean_abs_diff: float | None = None
    spread: float | None = None

    def to_dict(self) -> dict[str, float]:
        """Return the figures that are there, ready for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def measure_drift(reference: Encoder, variant: Encoder) -> Drift:
    """Run the manifest's golden probes through both and compare every output.

    Args:
        reference: The fp32 variant.
        variant: Another variant of the same bundle.
    """
    texts = [probe.text for probe in reference.bundle.manifest.golden]
    return compare_outputs(list(_outputs(reference, texts)), list(_outputs(variant, texts)))


def compare_outputs(reference: Sequence[Outputs], variant: Sequence[Outputs]) -> Drift:
    """Compare two models' outputs, input by input.

    >>> compare_outputs([{"y": np.float32([[3, 4]])}], [{"y": np.float32([[3, 5]])}]).max_abs_diff
    1.0
    >>> one, other = ([{"y": np.float32([[n]])} for n in row] for row in ((2, 0.5), (2, -0.5)))
    >>> found = compare_outputs(one, other)
    >>> found.mean_abs_diff, found.spread, round(found.min_cosine, 2)
    (0.5, 0.75, 0.88)

    Args:
        reference: Output name -> array, for each input.
        variant: The same of the other model.

    Raises:
        OutputError: They are no numbers, or of other shapes.
    """
    pairs = [
        (expected.ravel().astype(np.float64), found.ravel().astype(np.float64))
        for wanted, got in zip(reference, variant, strict=True)
        for name in wanted
        for expected, found in [_alike(name, wanted[name], got.get(name))]
    ]
    one_number = all(a.size == 1 for a, _ in pairs)
    if one_number:
        pairs = [(np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs]))]
    cosines = [
        float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), _SMALLEST_NORM))
        for a, b in pairs
    ]
    differences = [np.abs(a - b) for a, b in pairs]
    return Drift(
        max_abs_diff=max(float(difference.max()) for difference in differences),
        mean_cosine=float(np.mean(cosines)),
        min_cosine=min(cosines),
        mean_abs_diff=float(differences[0].mean()) if one_number else None,
        spread=float(pairs[0][0].std()) if one_number else None,
    )


def _alike(name: str, expected: Any, found: Any) -> tuple[Floats, Floats]:
    """Return two outputs that can be compared number by number, or raise."""
    if _is_numbers(expected) and _is_numbers(found):
        found = _given_by_both(expected, found)
        if expected.shape == found.shape and expected.size:
            return expected, found
    shapes = (str(getattr(array, "shape", "none")) for array in (expected, found))
    raise OutputError(
        f"two models of one bundle give {name} as arrays of the shapes {' and '.join(shapes)}, "
        "expected numbers of one shape: make the variant again, or export the checkpoint again"
    )


def _is_numbers(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind in "fiub"


def _given_by_both(expected: Floats, found: Floats) -> Floats:
    """Cut hidden states to the first token, where the reference has no other.

    A graph with CLS pooling may hold that one alone; its Core ML package holds all.

    >>> _given_by_both(np.ones((1, 1, 4)), np.ones((1, 9, 4))).shape
    (1, 1, 4)
    """
    return found[:, :1] if expected.ndim == 3 and expected.shape[1] == 1 else found


def _outputs(encoder: Encoder, texts: Sequence[str]) -> Iterator[Outputs]:
    for encoding in encoder.tokenizer.encode(texts):
        [(_, outputs)] = encoder.run([encoding])
        yield outputs
