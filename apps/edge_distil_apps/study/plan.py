"""How much a study measures, why, and how long that will take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from edge_distil_apps.study.architectures import BERT, DISTILBERT, MINILM
from edge_distil_apps.study.inputs import FULL_PASSAGE, PADDED, PAIRS, QUESTIONS, UNPADDED
from edge_distil_bench.protocol.design import (
    FULL,
    FULL_HEADLINE,
    QUICK,
    QUICK_HEADLINE,
    Effort,
    Protocol,
)
from edge_distil_bench.records import Point

LENGTHS = (16, 32, 64, 128, 256, 384, 512)
CURVE_TOKENS = 128  # of a row, where the batch or the threads vary
PROBE = (32, 192, 384)  # tokens: about those of a pair, a question and the long passage
COPIED = f"{DISTILBERT.name}/fp32"  # runs twice: the A/A comparison

_BASE, _SMALL = (DISTILBERT.name, BERT.name), (MINILM.name,)
_LEAST = Effort(1)  # one block in each round of processes
# One text of 384 tokens has no spread of lengths to average over, and takes twice as long.
_PASSAGE = Effort(240)
_ALONE = Effort(120)  # on one thread, which takes twice as long as on two
# Ten minutes are too few for 20 cold starts of six models; a block of 10 queries is the least of
# the protocol's range.
_QUICK = replace(QUICK, cold_starts=5, turn=5)
_START = 1.0  # seconds to start a worker with a large model, roughly
_FIXED = 20.0  # seconds for peak rates and accuracy, roughly


@dataclass(frozen=True)
class Group:
    """Models that run side by side, in turns.

    Attributes:
        name: Unique in the plan.
        models: `Model.model` of those that take part, with all their variants.
        threads: Of the engine.
        efforts: `Inputs.id` -> how long it is measured.
        copied: Whether `COPIED` runs twice here.
        lead: See `Protocol.lead`.
    """

    name: str
    models: tuple[str, ...]
    threads: int
    efforts: Mapping[str, Effort]
    copied: bool = False
    lead: bool = True


@dataclass(frozen=True)
class Curves:
    """How the scaling curves are measured: see `edge_distil_bench.costs.curves`."""

    batches: tuple[int, ...]
    passes: int
    seconds: float


@dataclass(frozen=True)
class Checks:
    """How long our clock is held against others: see `edge_distil_bench.protocol.clock_checks`."""

    queries: int
    seconds: float
    repetitions: int


@dataclass(frozen=True)
class Plan:
    """All that a study measures."""

    protocol: Protocol
    groups: tuple[Group, ...]
    curves: Curves
    checks: Checks
    threads: tuple[int, ...]
    peak_rates: float  # seconds for each size of the peak matrix-multiply rate
    scored: int  # questions of an accuracy, at most

    @property
    def inputs(self) -> set[str]:
        """`Inputs.id` of all that is measured."""
        return {name for group in self.groups for name in group.efforts}

    def record(self, notes: Sequence[str]) -> dict[str, Any]:
        """Describe it for the document of measurements."""
        return {
            **asdict(self.protocol),
            "groups": {group.name: asdict(group) for group in self.groups},
            "curves": {"lengths": LENGTHS, **asdict(self.curves)},
            "checks": asdict(self.checks),
            "peak_rates": self.peak_rates,
            "scored": self.scored,
            "notes": list(notes),
        }


def make_plan(*, quick: bool, threads: int, pairs: int) -> Plan:
    """Decide what is measured.

    The headline effort goes to the questions on all threads, forward and end to end; everything
    else explains it and is measured less. The small model has groups of its own: beside BERT it
    would wait most of the time.

    Args:
        quick: A first look.
        threads: All threads.
        pairs: Sentence pairs: a full pass answers each at least once.
    """
    protocol, headline = (_QUICK, QUICK_HEADLINE) if quick else (FULL, FULL_HEADLINE)
    # Half of a block's queries are the others' repetition.
    whole = Effort(2 * pairs)
    efforts = {QUESTIONS: headline, PADDED: _LEAST, UNPADDED: _LEAST, PAIRS: whole}
    # The padded passage is as long, and ten minutes are too few for both.
    long, short = ({}, {}) if quick else ({FULL_PASSAGE: _PASSAGE}, {FULL_PASSAGE: _LEAST})
    groups = [
        Group("base", _BASE, threads, {**efforts, **long}, copied=True, lead=False),
        Group("small", _SMALL, threads, {**efforts, **short}),
    ]
    alone = {QUESTIONS: _LEAST if quick else _ALONE}
    if threads > 1:
        groups.append(Group("base-1", _BASE, 1, alone, lead=False))
    if threads > 1 and not quick:
        groups.append(Group("small-1", _SMALL, 1, alone))
    curves = Curves((1, 4, 8), 4, 0.4) if quick else Curves((1, 2, 4, 8, 16), 20, 2.0)
    checks = Checks(20, 1.0, 3) if quick else Checks(100, 2.0, 5)
    peak_rates, scored = (0.2, 200) if quick else (0.4, 1000)
    counts = _thread_counts(threads)
    return Plan(protocol, tuple(groups), curves, checks, counts, peak_rates, scored)


def _thread_counts(threads: int) -> tuple[int, ...]:
    """Return 1, the powers of two below, and all threads.

    >>> _thread_counts(6), _thread_counts(1)
    ((1, 2, 4, 6), (1,))
    """
    powers = [2**n for n in range(threads.bit_length()) if 2**n < threads]
    return (*powers, threads)


def estimate(
    plan: Plan, probe: Sequence[Point], tokens: Mapping[str, float], models: Mapping[str, str]
) -> float:
    """Return about how many seconds a plan takes.

    Args:
        plan: What is measured.
        probe: A few forward passes of each model on all threads, at the lengths of `PROBE`.
        tokens: `Inputs.id` -> mean length.
        models: `Model.id` -> `Model.model`.
    """
    clock, checks = _clock(probe), plan.checks
    # Each repetition runs N queries in place, then processes of N and of 2 N.
    seconds = _FIXED + checks.repetitions * (4 * checks.seconds + 2 * _START)
    for group in plan.groups:
        ids = [one for one, model in models.items() if model in group.models]
        ids += [COPIED] if group.copied else []
        slower = max(plan.threads) / group.threads  # at worst
        seconds += sum(_sampling(plan.protocol, group, clock, one, tokens, slower) for one in ids)
    return seconds + sum(_rest(plan, clock, one) for one in models)


def _clock(probe: Sequence[Point]) -> Callable[[str, float], float]:
    """Return a function of model and tokens: seconds of a forward pass."""

    def seconds(model: str, tokens: float) -> float:
        points = [point for point in probe if point.model == model]
        near = min(points, key=lambda point: abs(point.tokens - tokens))
        return min(near.forward_ns) / 1e9 * tokens / near.tokens

    return seconds


def _sampling(
    protocol: Protocol,
    group: Group,
    clock: Callable[[str, float], float],
    model: str,
    tokens: Mapping[str, float],
    slower: float,
) -> float:
    """Return the seconds that one model of a group takes, start and warm-up included."""
    total = protocol.processes * (protocol.warmup_seconds + _START)
    for inputs, effort in group.efforts.items():
        blocks = -(-effort.queries // (protocol.processes * 2 * protocol.turn)) * protocol.processes
        taken = clock(model, tokens[inputs]) * slower
        queries = blocks * 2 * protocol.turn
        leads = queries if group.lead else 0
        total += max(queries * taken, effort.seconds) + leads * taken
    return total


def _rest(plan: Plan, clock: Callable[[str, float], float], model: str) -> float:
    """Return the seconds of one model's curves, cold starts and memory."""
    curves, first = plan.curves, clock(model, PROBE[1])
    shapes = [float(length) for length in LENGTHS]
    shapes += [float(CURVE_TOKENS * batch) for batch in curves.batches]
    shapes += [float(CURVE_TOKENS)] * len(plan.threads)
    passes = [clock(model, tokens) for tokens in shapes]
    # Each turn begins with a pass that is not counted, and counts one at least.
    timed = sum(2 * t + max(2 * t, min(curves.passes * t, curves.seconds)) for t in passes)
    return timed + (plan.protocol.cold_starts + 1) * (_START + first) + _START + 33 * first
