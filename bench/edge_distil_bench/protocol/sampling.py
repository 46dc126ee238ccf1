"""Samples of several models on the same queries: fresh processes, models interleaved in them.

Source of the design: Kalibera and Jones 2013, "Rigorous Benchmarking in Reasonable Time"
(repetition at the level of processes, where the variation is); Hoefler and Belli 2015.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_distil._writing.journal import Journal
from edge_distil_bench.protocol.design import Protocol
from edge_distil_bench.protocol.looks import go_on_until
from edge_distil_bench.protocol.processes import Participant, hosts, started_hosts
from edge_distil_bench.protocol.round import Round, Workload
from edge_distil_bench.records import Reading, Run, record

Progress = Callable[[int, int], None]

__all__ = ["Ending", "Progress", "Workload", "sample"]


@dataclass(frozen=True)
class Ending:
    """When a sequential measurement ends.

    Attributes:
        decided: Says of the runs so far, and the rounds that they are of, whether they decide.
        limit: Seconds that all rounds may take together; looked at after each look, for the next.
    """

    decided: Callable[[Sequence[Run]], bool]
    limit: float


def sample(
    participants: Sequence[Participant],
    workloads: Sequence[Workload],
    protocol: Protocol,
    *,
    journal: Journal,
    group: str,
    progress: Progress | None = None,
    ending: Ending | None = None,
) -> tuple[list[Run], list[Reading]]:
    """Measure models side by side; what the journal holds is not measured again.

    Args:
        participants: The models; all answer every query.
        workloads: Measured one after the other in the same processes.
        protocol: Its numbers.
        journal: Where each process's samples are kept as soon as they are known.
        group: A name for these participants, unique in the journal.
        progress: Called with the number of blocks done and of all.
        ending: When it ends, for a protocol that is sequential; its first look is after
            `Protocol.processes` rounds.

    Raises:
        BenchmarkError: A worker cannot go on; what was measured before is kept.
    """
    rounds = _Rounds(participants, workloads, protocol, journal, group, progress)
    if ending is None or not protocol.sequential:
        rounds.measure(protocol.processes)
    else:
        go_on_until(
            protocol.processes,
            rounds.measure,
            decided=lambda: ending.decided(rounds.runs),
            affordable=lambda more: rounds.seconds / rounds.count * more <= ending.limit,
        )
    return rounds.runs, rounds.readings


@dataclass
class _Rounds:
    """Rounds of fresh processes, one after another."""

    participants: Sequence[Participant]
    workloads: Sequence[Workload]
    protocol: Protocol
    journal: Journal
    group: str
    progress: Progress | None
    count: int = 0
    seconds: float = 0.0
    runs: list[Run] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    _blocks: int = 0
    _all: int = 0

    def measure(self, until: int) -> None:
        """Measure rounds until there are so many."""
        self._all = until * sum(w.blocks(self.protocol) for w in self.workloads)
        for process in range(self.count, until):
            for unit in self._round(process):
                self.runs += [record(Run, run) for run in unit["runs"]]
                self.readings += [record(Reading, one) for one in unit["readings"]]
                self.seconds += unit["seconds"]
        self.count = until

    def _round(self, process: int) -> list[dict[str, Any]]:
        names = [f"{self.group}/{w.queries.inputs.id}/{process}" for w in self.workloads]
        if all(name in self.journal for name in names):
            self._done(sum(w.blocks(self.protocol) for w in self.workloads))
            return [self.journal.recall(name, dict) for name in names]
        units = []
        with started_hosts(hosts(self.participants)) as workers, TemporaryDirectory() as folder:
            for name, workload in zip(names, self.workloads, strict=True):
                if name in self.journal:
                    self._done(workload.blocks(self.protocol))
                unit = Round(workers, workload, self.protocol, process, Path(folder), self._done)
                units.append(self.journal.recall(name, unit.measure))
        return units

    def _done(self, blocks: int = 1) -> None:
        self._blocks += blocks
        if self.progress is not None:
            self.progress(self._blocks, self._all)
