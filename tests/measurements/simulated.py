"""Measurements whose truth is known: what `edge_distil.bench` would write of a made-up machine.

Runs have the columns and the order of `edge_distil.bench.sampling`: warm-up, ABBA blocks in a drawn
order, a lead query before each turn. A time is the true median of its model for the query's length,
times: log-normal noise of the query, now and then an interruption (a heavy tail), an effect of the
process that lasts as long as it does, and a drift that all models of a round of processes share.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_distil.bench.measurements import LEAD, STAGES, TIMED, WARMUP, Inputs, Run
from edge_distil.bench.protocol import Effort, Protocol

# Seconds of the other stages; forward is what a model is simulated with.
OTHER_STAGES = {"tokenize": 6e-4, "features": 5e-5, "decode": 3e-4}
_BETWEEN = 1e-4  # seconds between two queries


@dataclass(frozen=True)
class Noise:
    """What disturbs a time, as seen on a shared virtual machine.

    Attributes:
        query: Standard deviation of the logarithm of one time.
        process: The same, of a process's own effect.
        drift: Amplitude of a slow wave that all models of a round share.
        ramp: How much slower everything is at the end of a round than at its beginning.
        interrupted: Share of queries that something interrupts.
        interruption: Mean of the exponential delay then, in times of the query.
    """

    query: float = 0.05
    process: float = 0.01
    drift: float = 0.02
    ramp: float = 0.0
    interrupted: float = 0.02
    interruption: float = 0.4


@dataclass(frozen=True)
class Simulated:
    """A model that takes part.

    Attributes:
        model: `Model.id`.
        seconds: True median of the forward pass for a query of the inputs' mean length.
        copy: See `Run.copy`.
    """

    model: str
    seconds: float
    copy: int = 0


@dataclass(frozen=True)
class _Row:
    contestant: int
    phase: str
    block: int
    item: int


def simulate_runs(
    contestants: Sequence[Simulated],
    inputs: Inputs,
    threads: int,
    protocol: Protocol,
    effort: Effort,
    *,
    noise: Noise | None = None,
    seed: int = 0,
) -> list[Run]:
    """Return the runs that `sampling.sample` would give, one a contestant and process."""
    draw = np.random.default_rng([seed, threads, *inputs.id.encode()])
    rounds = (
        _round(contestants, inputs, threads, protocol, effort, noise or Noise(), process, draw)
        for process in range(protocol.processes)
    )
    return [run for runs in rounds for run in runs]


def _round(
    contestants: Sequence[Simulated],
    inputs: Inputs,
    threads: int,
    protocol: Protocol,
    effort: Effort,
    noise: Noise,
    process: int,
    draw: np.random.Generator,
) -> list[Run]:
    rows = [*_warm_up(contestants, len(inputs.tokens), protocol)]
    rows += _blocks(contestants, len(inputs.tokens), protocol, effort, process)
    own = np.array([row.contestant for row in rows])
    length = np.array(inputs.tokens, float)
    length /= length.mean()
    forward = np.array([one.seconds for one in contestants])[own]
    forward = forward * length[[row.item for row in rows]]
    forward = forward * _disturbance(forward, own, len(contestants), noise, draw)
    stages = {
        stage: forward if stage == "forward" else draw.lognormal(math.log(at), 0.1, len(rows))
        for stage, at in ((stage, OTHER_STAGES.get(stage, 1.0)) for stage in STAGES)
    }
    return _columns(contestants, inputs.id, threads, process, rows, own, stages)


def _warm_up(contestants: Sequence[Simulated], items: int, protocol: Protocol) -> list[_Row]:
    runs = [
        max(protocol.warmup_runs, math.ceil(protocol.warmup_seconds / one.seconds))
        for one in contestants
    ]
    return [
        _Row(index, WARMUP, -1, count % items)
        for index in range(len(contestants))
        for count in range(runs[index])
    ]


def _blocks(
    contestants: Sequence[Simulated], items: int, protocol: Protocol, effort: Effort, process: int
) -> list[_Row]:
    """Return turns A B B A ..., each with its lead query, in the order of `sampling`."""
    blocks = math.ceil(effort.queries / protocol.processes / (2 * protocol.turn))
    repeats = [
        max(1, math.ceil(effort.seconds / protocol.processes / (blocks * 2 * protocol.turn * s)))
        for s in (one.seconds for one in contestants)
    ]
    shuffled = random.Random(f"{protocol.seed}/order/{process}")
    every = random.Random(f"{protocol.seed}/items").sample(range(items), items)
    order, rows = list(range(len(contestants))), []
    for block in range(blocks):
        first = (process * blocks + block) * protocol.turn
        taken = [every[(first + i) % items] for i in range(protocol.turn)]
        shuffled.shuffle(order)
        for index in (*order, *reversed(order)):
            rows.append(_Row(index, LEAD, block, taken[0]))
            rows += [_Row(index, TIMED, block, item) for item in taken * repeats[index]]
    return rows


def _disturbance(
    seconds: np.ndarray, own: np.ndarray, count: int, noise: Noise, draw: np.random.Generator
) -> np.ndarray:
    query = draw.lognormal(0.0, noise.query, len(own))
    interrupted = draw.random(len(own)) < noise.interrupted
    tail = 1 + interrupted * draw.exponential(noise.interruption, len(own))
    process = draw.lognormal(0.0, noise.process, count)[own]
    at = np.cumsum(seconds) / seconds.sum()  # share of the round's time, 0 to 1
    wave = np.sin(2 * np.pi * (1.5 * at + draw.random()))
    return query * tail * process * np.exp(noise.drift * wave + noise.ramp * at)


def _columns(
    contestants: Sequence[Simulated],
    inputs: str,
    threads: int,
    process: int,
    rows: Sequence[_Row],
    own: np.ndarray,
    stages: dict[str, np.ndarray],
) -> list[Run]:
    whole = {stage: (1e9 * values).astype(np.int64) for stage, values in stages.items()}
    total = np.sum(list(whole.values()), axis=0)
    starts = process * 10**12 + np.cumsum(total + int(1e9 * _BETWEEN)) - total
    runs = []
    for index, one in enumerate(contestants):
        mine = np.flatnonzero(own == index)
        runs.append(
            Run(
                model=one.model,
                copy=one.copy,
                inputs=inputs,
                threads=threads,
                process=process,
                phase=tuple(rows[i].phase for i in mine),
                block=tuple(rows[i].block for i in mine),
                item=tuple(rows[i].item for i in mine),
                start_ns=tuple(starts[mine].tolist()),
                stage_ns={stage: tuple(values[mine].tolist()) for stage, values in whole.items()},
                total_ns=tuple(total[mine].tolist()),
            )
        )
    return runs
