"""A model's samples in one process, as they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_distil_bench.protocol.order import Asked
from edge_distil_bench.protocol.processes import Participant
from edge_distil_bench.records import LEAD, STAGES, TIMED, WARMUP, Run

_NO_BLOCK = -1


@dataclass
class Columns:
    """Grow with each reply; see `records.Run` for the fields."""

    phase: list[str] = field(default_factory=list)
    block: list[int] = field(default_factory=list)
    item: list[int] = field(default_factory=list)
    start_ns: list[int] = field(default_factory=list)
    stage_ns: dict[str, list[int]] = field(default_factory=dict)
    total_ns: list[int] = field(default_factory=list)
    cpu_ns: list[int] = field(default_factory=list)

    def add(self, asked: Asked, block: int | None, reply: dict[str, Any], at: int) -> None:
        """Take up the sample at one place of a reply; a warm-up is of no block."""
        self.phase.append(WARMUP if block is None else TIMED if asked.timed else LEAD)
        self.block.append(_NO_BLOCK if block is None else block)
        self.item.append(asked.item)
        for name in ("start_ns", "total_ns", "cpu_ns"):
            getattr(self, name).append(reply[name][at])
        for stage in STAGES:
            if stage in reply["stage_ns"]:
                self.stage_ns.setdefault(stage, []).append(reply["stage_ns"][stage][at])

    def run(self, one: Participant, inputs: str, process: int, host: int) -> Run:
        """Return the record."""
        return Run(
            model=one.model,
            copy=one.copy,
            inputs=inputs,
            threads=one.threads,
            process=process,
            phase=tuple(self.phase),
            block=tuple(self.block),
            item=tuple(self.item),
            start_ns=tuple(self.start_ns),
            stage_ns={stage: tuple(values) for stage, values in self.stage_ns.items()},
            total_ns=tuple(self.total_ns),
            cpu_ns=tuple(self.cpu_ns),
            host=host,
        )


def add_reply(
    columns: Sequence[Columns], asked: Sequence[Asked], block: int | None, reply: dict[str, Any]
) -> None:
    """Give each sample of a reply to the model that it is of.

    Args:
        columns: One a slot.
        asked: What the reply answers, in its order.
        block: Number of the block; ``None`` in warm-up.
        reply: See `edge_distil_bench.protocol.worker`.
    """
    for at, one in enumerate(asked):
        columns[one.slot].add(one, block, reply, at)
