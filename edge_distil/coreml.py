"""The only runtime file that imports coremltools: Core ML packages on macOS.

A package takes one row of int32 at the lengths it was exported for, so rows are padded to the next
of these and run one by one. What runs them is a `Predictor`: coremltools' model on a Mac, anything
with the same method elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from edge_distil._machine.failures import check_fed
from edge_distil._reading.fields import Fields
from edge_distil._reading.printable import first_line, shown
from edge_distil.errors import InputError, MissingExtra, SessionError
from edge_distil.manifest import FILE_NAME, LONGEST_SEQUENCE
from edge_distil.session import Floats, Tokens

COMPUTE_UNITS = ("all", "cpu_only", "cpu_and_gpu", "cpu_and_ne")
_IDS = "input_ids"


class Predictor(Protocol):
    """What runs a package: coremltools' ``MLModel`` has this method."""

    def predict(self, data: dict[str, Any]) -> Mapping[str, Any]:
        """Return output name -> array, for input name -> int32 ``(1, sequence)``."""


@dataclass(frozen=True)
class Lengths:
    """The lengths that a package takes, in tokens.

    Attributes:
        kind: ``"fixed"``, ``"enumerated"`` or ``"range"``.
        values: The length, the lengths in rising order, or the least and the greatest.
    """

    kind: str
    values: tuple[int, ...]

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """Read what `to_settings` gave, from a variant's settings."""
        raw = Fields(settings, FILE_NAME, "settings").object("lengths")
        values = raw.wholes("values", 1, LONGEST_SEQUENCE)
        if not values:
            raise raw.wrong("values", "a length at least")
        return cls(raw.text("kind", choices=("fixed", "enumerated", "range")), values)

    def to_settings(self) -> dict[str, Any]:
        """Return the lengths as the manifest holds them."""
        return {"kind": self.kind, "values": list(self.values)}

    @property
    def longest(self) -> int:
        """The greatest length."""
        return self.values[-1]

    def fit(self, tokens: int) -> int:
        """Return the length that a row is padded to.

        >>> Lengths("enumerated", (64, 128)).fit(65)
        128

        Raises:
            InputError: The row is longer than the package takes.
        """
        if tokens > self.longest:
            raise InputError(
                f"a text has {tokens} tokens, the Core ML package takes at most {self.longest}: "
                "shorten it, or export with greater --coreml-lengths"
            )
        if self.kind == "range":
            return max(tokens, self.values[0])
        return next(length for length in self.values if length >= tokens)


class CoreMLSession:
    """A Core ML package as a `Session`.

    Args:
        predictor: Runs the package.
        inputs: Names of the package's inputs.
        outputs: Output name -> True where its second axis is the sequence.
        lengths: What the package takes.
        pad_id: Token id that fills a row up.
    """

    def __init__(
        self,
        predictor: Predictor,
        inputs: Sequence[str],
        outputs: Mapping[str, bool],
        lengths: Lengths,
        pad_id: int,
    ) -> None:
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self._per_token = dict(outputs)
        self._predictor, self._lengths, self._pad_id = predictor, lengths, pad_id

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        """See `Session.run`.

        Raises:
            InputError: A row is longer than the package takes.
            SessionError: An input is missing, or Core ML fails.
        """
        check_fed("the Core ML package", self.inputs, feeds)
        names = list(outputs or self.outputs)
        rows, tokens = feeds[_IDS].shape
        padded = {name: self._pad(name, feeds[name]) for name in self.inputs}
        found = [self._predict({k: v[i : i + 1] for k, v in padded.items()}) for i in range(rows)]
        return {name: self._join(name, [one[name] for one in found], tokens) for name in names}

    def _pad(self, name: str, values: Tokens) -> NDArray[np.int32]:
        missing = self._lengths.fit(values.shape[1]) - values.shape[1]
        filler = self._pad_id if name == _IDS else 0
        return np.pad(values, ((0, 0), (0, missing)), constant_values=filler).astype(np.int32)

    def _predict(self, row: dict[str, NDArray[np.int32]]) -> Mapping[str, Any]:
        try:
            return self._predictor.predict(row)
        except RuntimeError as error:
            raise SessionError(
                f"Core ML failed on inputs of shape {row[_IDS].shape} "
                f"({first_line(error)}): try compute_units='cpu_only'"
            ) from error

    def _join(self, name: str, rows: Sequence[Any], tokens: int) -> Floats:
        """Stack the rows and cut the padding off again."""
        joined = np.concatenate([np.asarray(row, np.float32) for row in rows])
        return joined[:, :tokens] if self._per_token[name] else joined


def open_predictor(path: Path, compute_units: str = COMPUTE_UNITS[0]) -> Predictor:
    """Open a package on Core ML.

    Args:
        path: The ``.mlpackage``.
        compute_units: One of `COMPUTE_UNITS`.

    Raises:
        InputError: The compute units are unknown.
        MissingExtra: coremltools is not installed.
        SessionError: Core ML refuses the package.
    """
    try:
        import coremltools
    except ModuleNotFoundError as missing:
        raise MissingExtra(
            f"Core ML variants need {missing.name}, which is not installed: pip install coremltools"
        ) from missing
    try:
        units = getattr(coremltools.ComputeUnit, compute_units.upper())
        predictor: Predictor = coremltools.models.MLModel(str(path), compute_units=units)
    except Exception as error:  # coremltools' errors share no other base
        raise SessionError(
            f"Core ML cannot load {path} ({first_line(error)}): copy or export the bundle again"
        ) from error
    return predictor


def check_here(variant: str, compute_units: str) -> None:
    """Raise unless this machine can run a Core ML variant so.

    Raises:
        InputError: The compute units are unknown.
        SessionError: This is no Mac.
    """
    if compute_units not in COMPUTE_UNITS:
        raise InputError(
            f"compute_units is {shown(compute_units)}, expected one of {', '.join(COMPUTE_UNITS)}"
        )
    if sys.platform != "darwin":
        raise SessionError(
            f"the variant {variant} needs Apple's Core ML, which is on macOS and iOS only; this "
            f"is {sys.platform}: choose an ONNX variant here (fp32, int8), or copy the bundle's "
            "coreml folder to a Mac or into an app"
        )
