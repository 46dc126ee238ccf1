"""What range each activation takes over calibration texts: the numbers behind static scales.

The three ways are onnxruntime's. ``minmax`` keeps every value. ``percentile`` cuts the same share
off both ends (Wu et al. 2020, arXiv 2004.09602). ``entropy`` takes the threshold at
which the quantized distribution loses the least of what the original one tells (Migacz 2017,
"8-bit inference with TensorRT", GTC). The last two work on onnxruntime's own histograms.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir

from edge_distil.errors import QuantizeError
from edge_distil.session import Floats, OnnxSession
from edge_distil_quantize.recipe import Feeds
from edge_distil_quantize.rewrites.qdq import Range

METHODS = ("minmax", "percentile", "entropy")
PERCENTILE = 99.999  # per cent of the values that stay inside
# Bins of a histogram from the greatest magnitude's negative to itself. Entropy tries a threshold
# for each bin beyond 128 (onnxruntime's default of 128 bins leaves it nothing to choose).
_BINS = {"percentile": 2048, "entropy": 512}
_LARGE = 1 << 14  # numbers: a constant beyond this is a weight or a table
_LEVELS = 128  # of the quantized distribution that entropy compares with


@dataclass
class _Sums:
    """Sums over texts from which a range by ``minmax`` follows."""

    least: float = np.inf
    greatest: float = -np.inf
    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: Floats) -> None:
        wide = values.ravel().astype(np.float64)
        self.least = min(self.least, float(wide.min()))
        self.greatest = max(self.greatest, float(wide.max()))
        self.count += wide.size
        self.total += float(wide.sum())
        self.squares += float(wide @ wide)

    def range(self) -> Range:
        variance = self.squares / self.count - (self.total / self.count) ** 2
        return Range(self.least, self.greatest, float(np.sqrt(max(variance, 0.0))))


def activation_ranges(
    model: ir.Model, inputs: Sequence[Feeds], names: Sequence[str], method: str
) -> dict[str, Range]:
    """Find the range of each named value of an fp32 graph.

    Args:
        model: The graph.
        inputs: Texts to run.
        names: Names of float32 values in the graph.
        method: One of `METHODS`.

    Raises:
        QuantizeError: The method is unknown.
    """
    if method not in METHODS:
        raise QuantizeError(f"no calibration method {method!r}: choose one of {', '.join(METHODS)}")
    collector = None if method == "minmax" else _histograms(method)
    sums: dict[str, _Sums] = {}
    for arrays in _activations(model, inputs, names):
        for name, array in arrays.items():
            sums.setdefault(name, _Sums()).add(array)
        if collector is not None:
            with _silence():
                collector.collect(arrays)
    ranges = {name: found.range() for name, found in sums.items()}
    return ranges if collector is None else _clipped(ranges, collector)


def _histograms(method: str) -> Any:
    from onnxruntime.quantization.calibrate import HistogramCollector

    return HistogramCollector(method, False, _BINS[method], _LEVELS, PERCENTILE, None)


def _clipped(ranges: Mapping[str, Range], collector: Any) -> dict[str, Range]:
    """Narrow ranges to what the histograms say."""
    with _silence():
        found = collector.compute_collection_result()
    return {
        name: Range(float(least), float(greatest), ranges[name].deviation)
        for name, (least, greatest, *_) in found.items()
    }


def _silence() -> contextlib.redirect_stdout[io.StringIO]:
    """Keep onnxruntime's collector, which prints at every call, off standard output."""
    return contextlib.redirect_stdout(io.StringIO())


def _activations(
    model: ir.Model, inputs: Sequence[Feeds], names: Sequence[str]
) -> Iterator[Mapping[str, Floats]]:
    """Yield, for each text, name -> array ``(1, sequence, ...)``; one text in memory at a time."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        weights = _save_open(model, names, file)
        session = OnnxSession(file)
        for feeds in inputs:
            yield session.run({**feeds, **weights}, names)


def _save_open(model: ir.Model, names: Sequence[str], file: Path) -> dict[str, Any]:
    """Write a graph that gives `names` too and takes its large constants as inputs.

    A session would keep copies of them, packed for its kernels, beside the graph's own.

    Returns:
        Those constants, to be fed.
    """
    graph = model.graph
    large = [
        v for v in graph.initializers.values() if v.const_value and v.const_value.size > _LARGE
    ]
    own = len(graph.inputs)
    for value in large:
        del graph.initializers[str(value.name)]
    graph.inputs.extend(large)
    try:
        proto = ir.to_proto(model)
    finally:
        del graph.inputs[own:]
        for value in large:
            graph.register_initializer(value)
    given = {output.name for output in proto.graph.output}
    # onnxruntime infers the types.
    proto.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in given)
    onnx.save(proto, file)
    return {str(v.name): v.const_value.numpy() for v in large if v.const_value is not None}
