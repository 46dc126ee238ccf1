"""The timed samples of runs as arrays, and which runs belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil.errors import InputError
from edge_distil_bench.records import TIMED, Run

# Beside `records.STAGES`: the whole query, and what the processor spent on the forward pass, over
# all threads. Others' work on the machine lengthens the latter little.
END_TO_END, PROCESSOR = "total", "processor"


class Samples(NamedTuple):
    """Timed samples of one run in the order in which they were taken; columns of equal length.

    Attributes:
        block: See `Run.block`.
        item: See `Run.item`.
        start: Seconds.
        seconds: Time of the stage.
    """

    block: NDArray[np.int64]
    item: NDArray[np.int64]
    start: NDArray[np.float64]
    seconds: NDArray[np.float64]


def timed(run: Run, stage: str) -> Samples:
    """Return the timed samples of a stage; warm-up and lead queries are left out.

    Args:
        run: One run.
        stage: One of `records.STAGES`, `END_TO_END` or `PROCESSOR`.

    Raises:
        InputError: The stage was not measured, or nothing was timed.
    """
    if not has(run, stage):
        raise InputError(
            f"{run.model} has no times of the stage {stage!r}, only of "
            f"{', '.join(run.stage_ns)} and {END_TO_END}: choose one of these"
        )
    whole = {END_TO_END: run.total_ns, PROCESSOR: run.cpu_ns}
    column = whole[stage] if stage in whole else run.stage_ns[stage]
    kept = np.array([phase == TIMED for phase in run.phase], bool)
    if not kept.any():
        raise InputError(f"{run.model} has no timed sample in process {run.process}: measure again")
    return Samples(
        np.array(run.block)[kept],
        np.array(run.item)[kept],
        np.array(run.start_ns)[kept] / 1e9,
        np.array(column)[kept] / 1e9,
    )


def has(run: Run, stage: str) -> bool:
    """Return whether a run has times of a stage; peers that take token ids have forward alone."""
    if stage == PROCESSOR:
        return bool(run.cpu_ns)
    return stage == END_TO_END or stage in run.stage_ns


def select(
    runs: Sequence[Run], model: str, *, inputs: str, threads: int, copy: int = 0
) -> list[Run]:
    """Return the runs of one model under one condition, one a process, in order.

    Raises:
        InputError: This combination was not measured.
    """
    found = [
        run
        for run in runs
        if (run.model, run.copy, run.inputs, run.threads) == (model, copy, inputs, threads)
    ]
    if not found:
        measured = sorted({(r.model, r.copy, r.inputs, r.threads) for r in runs})
        raise InputError(
            f"{model} (copy {copy}) was not measured on {inputs} with {threads} threads; measured "
            f"were (model, copy, inputs, threads): {measured}"
        )
    return sorted(found, key=lambda run: run.process)
