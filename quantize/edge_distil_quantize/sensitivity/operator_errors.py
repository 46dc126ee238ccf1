"""Sensitivity: what quantizing one operator alone does, to its own output and to the model's.

All others stay in fp32, so the operator's inputs are exact and the error is its own; weights are
rounded by themselves, so it is what calibration has to deal with, not what it leaves. Ranking by
this experiment, then leaving the worst in floating point, is "partial quantization" (Wu et al.
2020, arXiv 2004.09602, section 5.1); there each trial is scored by the task's measure, here by the
error of the outputs, which takes a few texts where the measure takes a data set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_distil._writing.journal import Journal
from edge_distil.progress import Stage
from edge_distil.session import Floats, OnnxSession
from edge_distil_quantize.recipe import Feeds, Progress
from edge_distil_quantize.rewrites.operators import Operator
from edge_distil_quantize.sensitivity.candidates import Workbench

_MOST_KEPT = 512 << 20  # bytes of exact values; else they are computed for each operator again


class Effect(NamedTuple):
    """Squared error over squared magnitude: 0 is exact, 1 as wrong as giving zeros.

    Attributes:
        own: Of the operator's output.
        outputs: Of the model's outputs, the mean over them.
    """

    own: float
    outputs: float


def measure_effects(bench: Workbench, journal: Journal, progress: Progress) -> dict[str, Effect]:
    """Quantize each operator alone and compare with fp32.

    Returns:
        Operator's name -> what it does.
    """
    exact = OnnxSession(bench.make_fp32("exact", [o.output for o in bench.operators]))
    expected = _Expected(exact, bench)
    names = [f"effect {operator.name}" for operator in bench.operators]
    fresh = [name for name in names if name not in journal]
    effects = {}
    for operator, name in zip(bench.operators, names, strict=True):
        if name in fresh:
            progress(Stage("sensitivity of operators", fresh.index(name), len(fresh)))
        found = journal.recall(name, partial(_effect, bench, expected, operator))
        effects[operator.name] = Effect(*found)
    return effects


def measure_whole(bench: Workbench, model: Path) -> float:
    """Return the error of a whole variant's outputs."""
    exact, variant = OnnxSession(bench.source), OnnxSession(model)
    expected = (exact.run(feeds, bench.outputs) for feeds in bench.probes)
    errors = relative_errors(expected, variant, bench.probes, bench.outputs)
    return float(np.mean(list(errors.values())))


def relative_errors(
    expected: Iterable[Mapping[str, Floats]],
    variant: OnnxSession,
    probes: Sequence[Feeds],
    names: Sequence[str],
) -> dict[str, float]:
    """Return the relative squared error of each named output, over all probes.

    Args:
        expected: For each probe what is exact.
        variant: What is compared with it.
        probes: The texts.
        names: The outputs.
    """
    error, magnitude = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for feeds, exact in zip(probes, expected, strict=True):
        got = variant.run(feeds, names)
        for name in names:
            error[name] += _energy(got[name] - exact[name])
            magnitude[name] += _energy(exact[name])
    return {name: error[name] / max(magnitude[name], np.finfo(float).tiny) for name in names}


class _Expected:
    """What the fp32 graph gives for each probe, of all operators: kept, where memory allows it."""

    def __init__(self, exact: OnnxSession, bench: Workbench) -> None:
        self._exact, self._probes = exact, bench.probes
        self._names = [*(o.output for o in bench.operators), *bench.outputs]
        self._kept: list[Mapping[str, Floats]] = []

    def of(self, names: Sequence[str]) -> Iterator[Mapping[str, Floats]]:
        """Yield the outputs `names` of each probe."""
        if not self._kept:
            first = self._exact.run(self._probes[0], self._names)
            tokens = [feeds["input_ids"].size for feeds in self._probes]
            size = sum(array.nbytes for array in first.values()) / tokens[0] * sum(tokens)
            if size > _MOST_KEPT:
                yield from (self._exact.run(feeds, names) for feeds in self._probes)
                return
            others = (self._exact.run(feeds, self._names) for feeds in self._probes[1:])
            self._kept = [first, *others]
        yield from self._kept


def _effect(bench: Workbench, expected: _Expected, operator: Operator) -> Effect:
    others = frozenset(o.name for o in bench.operators) - {operator.name}
    variant = OnnxSession(bench.make(others, "candidate", expose=[operator.output], plain=True))
    names = list(dict.fromkeys([operator.output, *bench.outputs]))
    errors = relative_errors(expected.of(names), variant, bench.probes, names)
    return Effect(errors[operator.output], float(np.mean([errors[n] for n in bench.outputs])))


def _energy(values: Floats) -> float:
    """Return the sum of squares.

    >>> _energy(np.float32([3, 4]))
    25.0
    """
    wide = values.ravel().astype(np.float64)
    return float(wide @ wide)
