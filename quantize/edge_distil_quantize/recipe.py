"""What a recipe is: a function from a request to a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import onnx_ir as ir

from edge_distil.session import Tokens
from edge_distil_quantize.calibration.known import Known

Feeds = Mapping[str, Tokens]  # graph input -> int64 (1, sequence): one text, without padding
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Request:
    """What a recipe is given.

    Attributes:
        model: The fp32 graph; the recipe may change it in place.
        calibration: Inputs to calibrate on; empty where the caller wants none.
        keep: Names of operators that stay in fp32.
        method: How ranges of activations are chosen, where scales are static: one of
            `activation_ranges.METHODS`.
        progress: Called with one line at the start of every stage.
        known: What calibrating the same graph on the same inputs found for other operators kept.
    """

    model: ir.Model
    calibration: Sequence[Feeds] = ()
    keep: frozenset[str] = frozenset()
    method: str = "percentile"
    progress: Progress = field(default=lambda _: None)
    known: Known | None = None


@dataclass(frozen=True)
class Made:
    """What a recipe gives back.

    Attributes:
        model: The quantized graph.
        settings: How it was made, for the manifest.
        evidence: What holds of it, for the manifest, beside what is measured of every variant.
    """

    model: ir.Model
    settings: Mapping[str, Any]
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A way to make a variant.

    Attributes:
        make: From the fp32 graph to the variant's.
        calibrated: True where `Request.calibration` matters.
        required: True where it cannot do without.
    """

    make: Callable[[Request], Made]
    calibrated: bool = False
    required: bool = False
