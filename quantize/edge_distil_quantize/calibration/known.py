"""What calibrating found, kept by all that it depends on: other subsets of operators ask again.

Statistics are those of the fp32 graph as it was, so what other operators become does not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from typing import NamedTuple

import numpy as np

from edge_distil_quantize.calibration.balance import Smoothing
from edge_distil_quantize.kernels.gptq import Matrix
from edge_distil_quantize.kernels.int8 import Quantized


class Rounding(NamedTuple):
    """A rounded weight.

    Attributes:
        quantized: int8 ``(inputs, outputs)`` with its scales.
        by_itself: Error of the outputs, relative to their variance, of plain rounding.
        calibrated: The same of `quantized`.
    """

    quantized: Quantized
    by_itself: float
    calibrated: float


class Known:
    """Results for one graph and its inputs.

    Args:
        lasting: Samples are kept too: another calibration on the same inputs follows.

    Attributes:
        roundings: What a weight's rounding depends on -> the rounded weight.
    """

    def __init__(self, *, lasting: bool = False) -> None:
        self._lasting = lasting
        self._samples: dict[str, Matrix] = {}
        self._smoothings: dict[Hashable, Smoothing] = {}
        self.roundings: dict[Hashable, tuple[Rounding, Matrix]] = {}

    def sample(self, name: str) -> Matrix | None:
        """Return the tokens of an activation that were kept."""
        return self._samples.get(name)

    def keep_sample(self, name: str, sample: Matrix) -> None:
        """Keep tokens of an activation, where they will be asked for again."""
        if self._lasting:
            self._samples[name] = sample

    def smoothing(self, key: Hashable, choose: Callable[[], Smoothing]) -> Smoothing:
        """Return what was chosen before, or choose."""
        if key not in self._smoothings:
            self._smoothings[key] = choose()
        return self._smoothings[key]


def digest(array: Matrix) -> bytes:
    """Return what tells an array from others."""
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).digest()
