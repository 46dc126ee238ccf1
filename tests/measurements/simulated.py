"""Measurements whose truth is known: what `edge_distil_bench` would write of a made-up machine.

Runs have the columns and the order of `edge_distil_bench.protocol`: warm-up, then blocks in a drawn
order, in which the models of a process take turns query by query, each after a lead. A time
is the true median of its model for the query's length, times: log-normal noise of the query, now
and then an interruption (a heavy tail), an effect of the process that lasts as long as it does, and
a drift that all models of a round of processes share.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.records import LEAD, STAGES, TIMED, WARMUP, Inputs, Run

# Seconds of the other stages; forward is what a model is simulated with.
OTHER_STAGES = {"tokenize": 6e-4, "features": 5e-5, "decode": 3e-4}
_BETWEEN = 1e-4  # seconds between two queries
_STARTING = 2 * 10**9  # nanoseconds that a round of fresh processes takes to start


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
        host: See `Run.host`.
    """

    model: str
    seconds: float
    copy: int = 0
    host: int = 0


@dataclass(frozen=True)
class _Row:
    participant: int
    phase: str
    block: int
    item: int


def simulate_runs(
    participants: Sequence[Simulated],
    inputs: Inputs,
    threads: int,
    protocol: Protocol,
    effort: Effort,
    *,
    noise: Noise | None = None,
    seed: int = 0,
    begin_ns: int = 0,
    rounds: int | None = None,
) -> list[Run]:
    """Return the runs that `sampling.sample` would give, one a participant and process."""
    draw = np.random.default_rng([seed, threads, *inputs.id.encode()])
    runs: list[Run] = []
    for process in range(protocol.processes if rounds is None else rounds):
        one = _Round(participants, inputs, threads, protocol, effort, noise or Noise(), process)
        runs += one.runs(draw, begin_ns)
        begin_ns = max(run.start_ns[-1] + run.total_ns[-1] for run in runs) + _STARTING
    return runs


@dataclass(frozen=True)
class _Round:
    """One round of fresh processes on one list of inputs."""

    participants: Sequence[Simulated]
    inputs: Inputs
    threads: int
    protocol: Protocol
    effort: Effort
    noise: Noise
    process: int

    def runs(self, draw: np.random.Generator, begin_ns: int) -> list[Run]:
        rows = [*self.warm_up(), *self.blocks()]
        own = np.array([row.participant for row in rows])
        length = np.array(self.inputs.tokens, float)
        length /= length.mean()
        forward = np.array([one.seconds for one in self.participants])[own]
        forward = forward * length[[row.item for row in rows]]
        forward = forward * self.disturbance(forward, own, draw)
        others = {s: draw.lognormal(math.log(at), 0.1, len(rows)) for s, at in OTHER_STAGES.items()}
        seconds = {**others, "forward": forward}
        stages = {stage: (1e9 * seconds[stage]).astype(np.int64) for stage in STAGES}
        total = np.sum(list(stages.values()), axis=0)
        starts = begin_ns + np.cumsum(total + int(1e9 * _BETWEEN)) - total
        return [
            self.run(one, [rows[i] for i in mine], starts[mine], total[mine],
                     {stage: values[mine] for stage, values in stages.items()})
            for index, one in enumerate(self.participants)
            for mine in [np.flatnonzero(own == index)]
        ]  # fmt: skip

    def warm_up(self) -> list[_Row]:
        items = len(self.inputs.tokens)
        runs = [
            max(self.protocol.warmup_runs, math.ceil(self.protocol.warmup_seconds / one.seconds))
            for one in self.participants
        ]
        return [
            _Row(index, WARMUP, -1, count % items)
            for index, most in enumerate(runs)
            for count in range(most)
        ]

    def blocks(self) -> list[_Row]:
        """Turns A B B A ..., each with its lead query, in the order of `sampling`."""
        turn, items = self.protocol.turn, len(self.inputs.tokens)
        blocks = math.ceil(self.effort.queries / self.protocol.processes / (2 * turn))
        wanted = self.effort.seconds / self.protocol.processes / (blocks * 2 * turn)
        shuffled = random.Random(f"{self.protocol.seed}/order/{self.process}")
        every = random.Random(f"{self.protocol.seed}/items").sample(range(items), items)
        hosts = sorted({one.host for one in self.participants})
        slots = [
            [i for i, one in enumerate(self.participants) if one.host == host] for host in hosts
        ]
        places, rows = list(range(len(hosts))), []
        own = [list(range(len(members))) for members in slots]
        for block in range(blocks):
            first = (self.process * blocks + block) * turn
            taken = [every[(first + i) % items] for i in range(turn)]
            for drawn in (places, *own):
                shuffled.shuffle(drawn)
            for half, order in enumerate((places, places[::-1])):
                for place in order:
                    members = [slots[place][i] for i in own[place]]
                    rows += self.visit(members, taken, block, half, wanted)
        return rows

    def visit(
        self, members: Sequence[int], taken: Sequence[int], block: int, half: int, wanted: float
    ) -> list[_Row]:
        """One process's half of a block."""
        repeats = {i: max(1, math.ceil(wanted / self.participants[i].seconds)) for i in members}
        if len(members) == 1:
            [alone] = members
            timed = [_Row(alone, TIMED, block, item) for item in [*taken] * repeats[alone]]
            return [_Row(alone, LEAD, block, taken[0]), *timed]
        rows = []
        for number, item in enumerate(taken):
            for index in members if (number + half) % 2 == 0 else members[::-1]:
                if self.protocol.lead:
                    rows.append(_Row(index, LEAD, block, item))
                rows += [_Row(index, TIMED, block, item)] * repeats[index]
        return rows

    def disturbance(
        self, seconds: np.ndarray, own: np.ndarray, draw: np.random.Generator
    ) -> np.ndarray:
        noise = self.noise
        query = draw.lognormal(0.0, noise.query, len(own))
        interrupted = draw.random(len(own)) < noise.interrupted
        tail = 1 + interrupted * draw.exponential(noise.interruption, len(own))
        process = draw.lognormal(0.0, noise.process, len(self.participants))[own]
        at = np.cumsum(seconds) / seconds.sum()  # share of the round's time, 0 to 1
        wave = np.sin(2 * np.pi * (1.5 * at + draw.random()))
        return query * tail * process * np.exp(noise.drift * wave + noise.ramp * at)

    def run(
        self,
        one: Simulated,
        rows: Sequence[_Row],
        starts: np.ndarray,
        total: np.ndarray,
        stages: dict[str, np.ndarray],
    ) -> Run:
        return Run(
            model=one.model,
            copy=one.copy,
            inputs=self.inputs.id,
            threads=self.threads,
            process=self.process,
            phase=tuple(row.phase for row in rows),
            block=tuple(row.block for row in rows),
            item=tuple(row.item for row in rows),
            start_ns=tuple(starts.tolist()),
            stage_ns={stage: tuple(values.tolist()) for stage, values in stages.items()},
            total_ns=tuple(total.tolist()),
            cpu_ns=tuple(stages["forward"].tolist()),
            host=one.host,
        )
