"""The figures of a report, computed from raw measurements: pure functions, times in seconds."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import numpy as np

from edge_distil.errors import DataError, InputError
from edge_distil_bench.records import ColdStart, Measurements, Memory, Model, Run
from edge_distil_bench.statistics.distribution import Distribution, describe
from edge_distil_bench.statistics.samples import select, timed

# Variants whose large matrix products are of 8-bit integers: "int8", "int8-static", "torch:int8".
_INT8 = "int8"


def latency(
    runs: Sequence[Run], model: str, *, inputs: str, threads: int, stage: str = "forward"
) -> Distribution:
    """Describe all timed samples of a model, over all processes, in seconds.

    Args:
        runs: All runs of a document; of a model that ran beside itself, the first copy counts.
        model: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of the engine.
        stage: See `samples.timed`.

    Raises:
        InputError: This combination was not measured.
    """
    chosen = select(runs, model, inputs=inputs, threads=threads)
    return describe(np.concatenate([timed(run, stage).seconds for run in chosen]))


def full_pass(
    runs: Sequence[Run],
    model: str,
    *,
    inputs: str,
    threads: int,
    stage: str,
    queries: int | None = None,
) -> float:
    """Return the seconds of one pass over all queries: the sum of each query's mean.

    Args:
        runs: See `latency`.
        model: `Model.id`.
        inputs: `Inputs.id`.
        threads: Of the engine.
        stage: See `samples.timed`.
        queries: How many there are; given, that every one was measured is checked.

    Raises:
        InputError: This combination was not measured.
        DataError: Some queries were not.
    """
    chosen = [timed(run, stage) for run in select(runs, model, inputs=inputs, threads=threads)]
    items = np.concatenate([samples.item for samples in chosen])
    seconds = np.concatenate([samples.seconds for samples in chosen])
    count = np.bincount(items)
    measured = count > 0
    if queries is not None and measured.sum() != queries:
        raise DataError(
            f"{model} was timed on {measured.sum()} of the {queries} queries of {inputs}, expected "
            "all for a full pass: measure more queries"
        )
    return float((np.bincount(items, seconds)[measured] / count[measured]).sum())


def share_of_peak(
    measurements: Measurements,
    model: str,
    *,
    tokens: int,
    batch: int,
    threads: int,
    seconds: float,
) -> float | None:
    """Return a forward pass's rate as a share of the peak matrix-multiply rate.

    The peak is the greatest rate that anything reached with as many threads: of 8-bit integers for
    an int8 model (whose attention products stay floating point), else of fp32.

    Args:
        measurements: The document.
        model: `Model.id`.
        tokens: Length of each row.
        batch: Rows.
        threads: Of the engine.
        seconds: Of the pass.

    Returns:
        ``None`` where the model's operations were not counted or the peak was not measured.

    Raises:
        InputError: The document has no such model.
    """
    found = find_model(measurements, model)
    kind = "int8" if _INT8 in found.variant else "fp32"
    peak = greatest_rate(measurements, kind, threads)
    if found.flops is None or peak is None:
        return None
    linear, quadratic = found.flops
    return batch * (linear * tokens + quadratic * tokens**2) / seconds / peak


def greatest_rate(measurements: Measurements, kind: str, threads: int) -> float | None:
    """Return the machine's peak matrix-multiply rate, in operations a second; see `PeakRate`."""
    rates = [
        max(one.operations)
        for one in measurements.peak_rates
        if (one.kind, one.threads) == (kind, threads) and one.operations
    ]
    return max(rates, default=None)


def find_model(measurements: Measurements, model: str) -> Model:
    """Return a model's record.

    Raises:
        InputError: There is none.
    """
    for one in measurements.models:
        if one.id == model:
            return one
    known = ", ".join(one.id for one in measurements.models)
    raise InputError(f"{model} is not in these measurements, only: {known}")


def first_answer(measurements: Measurements, model: str, *, threads: int) -> Distribution:
    """Describe the seconds from a started interpreter to the first answer, over cold starts.

    Importing, opening the session and the first answer; `Distribution` of their sum.

    Raises:
        InputError: This model's cold start was not measured so.
    """
    one = _cold_start(measurements, model, threads)
    parts = np.array([one.import_ns, one.session_ns, one.first_ns])
    return describe(parts.sum(axis=0) / 1e9)


def cold_start_parts(measurements: Measurements, model: str, *, threads: int) -> dict[str, float]:
    """Return the median seconds of import, session, first answer and the whole process.

    Raises:
        InputError: This model's cold start was not measured so.
    """
    one = _cold_start(measurements, model, threads)
    columns = {
        "import": one.import_ns,
        "session": one.session_ns,
        "first": one.first_ns,
        "process": one.process_ns,
    }
    return {name: statistics.median(column) / 1e9 for name, column in columns.items()}


def _cold_start(measurements: Measurements, model: str, threads: int) -> ColdStart:
    for one in measurements.cold_starts:
        if (one.model, one.threads) == (model, threads):
            return one
    measured = sorted({(one.model, one.threads) for one in measurements.cold_starts})
    raise InputError(
        f"the cold start of {model} with {threads} threads was not measured; measured were "
        f"(model, threads): {measured}"
    )


def memory(measurements: Measurements, model: str) -> Memory:
    """Return the record whose peak is the median of the model's.

    Raises:
        InputError: The model's memory was not measured.
    """
    found = sorted(
        (one for one in measurements.memory if one.model == model), key=lambda one: one.peak or 0
    )
    if not found:
        measured = ", ".join(sorted({one.model for one in measurements.memory}))
        raise InputError(f"the memory of {model} was not measured, only of: {measured or 'none'}")
    return found[(len(found) - 1) // 2]
