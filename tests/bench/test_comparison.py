"""Comparisons on simulated runs whose truth is known, and by hand."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest
from simulated import Noise, Simulated, simulate_runs

from edge_distil.errors import InputError
from edge_distil_bench.protocol import design
from edge_distil_bench.protocol.design import QUICK, QUICK_HEADLINE, Effort, Protocol
from edge_distil_bench.protocol.looks import go_on_until
from edge_distil_bench.records import Inputs, Run
from edge_distil_bench.side_by_side.ending import confidence_of, decided
from edge_distil_bench.statistics.blocks import log_ratios
from edge_distil_bench.statistics.comparison import Comparison, compare, compare_a_a
from edge_distil_bench.statistics.distribution import Estimate

WHERE = {"inputs": "questions", "threads": 2}
TOKENS = np.random.default_rng(0).integers(60, 260, 200)
QUESTIONS = Inputs("questions", "", tuple(TOKENS.tolist()))
SECONDS = 0.1
TRIALS = 100
FULL = replace(design.FULL, lead=False)  # as for the study's large models
SEQUENTIAL = replace(FULL, sequential=True)
MOST_ROUNDS = 18  # 5, 8, 12, 18
BUSY = Noise(query=0.3, process=0.03, drift=0.1, interrupted=0.3, interruption=1.0)
QUIET = Noise(query=0, process=0, drift=0, interrupted=0)
ROUNDING = 1e-6  # relative: times are whole nanoseconds


def simulate(
    slowdown: float,
    seed: int = 0,
    *,
    protocol: Protocol = FULL,
    effort: Effort | None = None,
    noise: Noise | None = None,
    rounds: int | None = None,
) -> list[Run]:
    """A model, itself once more, and one that takes so much more time."""
    group = [
        Simulated("a", SECONDS),
        Simulated("a", SECONDS, copy=1),
        Simulated("b", SECONDS * (1 + slowdown)),
    ]
    effort = effort or Effort(1024)
    return simulate_runs(
        group, QUESTIONS, 2, protocol, effort, noise=noise, seed=seed, rounds=rounds
    )


def trials(slowdown: float, **options: object) -> list[list[Run]]:
    """As many studies, each with its own noise, drift and processes."""
    return [simulate(slowdown, seed, **options) for seed in range(TRIALS)]


def compared(studies: list[list[Run]]) -> list[Comparison]:
    return [compare(runs, "b", "a", **WHERE) for runs in studies]


@pytest.fixture(scope="module")
def slower_runs() -> list[list[Run]]:
    return trials(0.05)


@pytest.fixture(scope="module")
def slower(slower_runs: list[list[Run]]) -> list[Comparison]:
    return compared(slower_runs)


@pytest.fixture(scope="module")
def equal() -> list[Comparison]:
    return compared(trials(0.0))


def test_five_percent_are_detected_in_95_of_100_trials(slower: list[Comparison]) -> None:
    assert sum(one.claimed and one.ratio.high < 1 for one in slower) >= 95


def test_nothing_is_detected_where_nothing_is(equal: list[Comparison]) -> None:
    assert sum(one.claimed for one in equal) == 0


def test_the_interval_holds_the_true_ratio(
    slower: list[Comparison], equal: list[Comparison]
) -> None:
    for found, truth in ((slower, 1 / 1.05), (equal, 1.0)):
        assert sum(one.ratio.low <= truth <= one.ratio.high for one in found) >= 91


def test_quick_claims_no_difference_that_is_not_there() -> None:
    found = compared(trials(0.0, protocol=QUICK, effort=QUICK_HEADLINE))
    assert sum(not one.claimed for one in found) >= 95
    assert sum(one.ratio.low <= 1 <= one.ratio.high for one in found) >= 91


def test_quick_sees_what_int8_gains() -> None:
    found = compared(trials(-0.4, protocol=QUICK, effort=QUICK_HEADLINE))
    assert sum(one.claimed for one in found) >= 95


def ended(slowdown: float, seed: int, noise: Noise | None = None) -> tuple[int, Comparison, float]:
    """One sequential measurement, by the loop and the decision of `edge-distil bench --full`."""
    design = {**WHERE, "protocol": asdict(SEQUENTIAL)}
    runs: list[Run] = []

    def measure(rounds: int) -> None:
        runs[:] = simulate(slowdown, seed, protocol=SEQUENTIAL, noise=noise, rounds=rounds)

    rounds = go_on_until(
        SEQUENTIAL.processes,
        measure,
        lambda: decided(runs, ["a", "b"], **design),
        lambda more: more <= MOST_ROUNDS,
    )
    confidence = confidence_of(runs, design["protocol"])
    found = compare(runs, "b", "a", **WHERE, confidence=confidence)
    a_a = compare_a_a(runs, "a", **WHERE, confidence=confidence)
    assert a_a.band is not None
    return rounds, found, a_a.band


@pytest.mark.slow
def test_going_on_until_it_decides_sees_five_percent() -> None:
    """The full protocol, which may add rounds: looking more than once must not cost the claim."""
    found = [ended(0.05, seed) for seed in range(TRIALS)]
    assert sum(one.claimed and one.ratio.high < 1 for _, one, _ in found) >= 95
    assert sum(one.ratio.low <= 1 / 1.05 <= one.ratio.high for _, one, _ in found) >= 91


@pytest.mark.slow
def test_going_on_until_it_decides_claims_nothing_where_nothing_is() -> None:
    found = [ended(0.0, seed) for seed in range(TRIALS)]
    assert sum(one.claimed for _, one, _ in found) == 0
    assert sum(one.ratio.low <= 1 <= one.ratio.high for _, one, _ in found) >= 91
    assert min(rounds for rounds, _, _ in found) == SEQUENTIAL.processes  # most need no more


def test_a_busy_machine_takes_longer_and_is_no_less_true() -> None:
    found = [ended(0.05, seed, BUSY) for seed in range(TRIALS // 10)]
    idle = [ended(0.05, seed) for seed in range(TRIALS // 10)]
    assert sum(one.ratio.low <= 1 / 1.05 <= one.ratio.high for _, one, _ in found) >= 9
    assert not any(one.claimed and one.ratio.value > 1 for _, one, _ in found)
    assert sum(rounds for rounds, _, _ in found) > sum(rounds for rounds, _, _ in idle)


def test_a_model_beside_itself_is_neither_faster_nor_slower(slower_runs: list[list[Run]]) -> None:
    found = [compare_a_a(runs, "a", **WHERE) for runs in slower_runs]
    assert sum(one.ratio.low <= 1 <= one.ratio.high for one in found) >= 91
    assert not any(one.claimed for one in found)
    for one in found:
        assert one.band is not None
        edge = 1 + one.band  # the whole interval lies within, and touches it
        assert edge == pytest.approx(max(one.ratio.high, 1 / one.ratio.low))


def test_without_noise_the_ratio_is_the_true_one() -> None:
    found = compare(simulate(0.25, noise=QUIET), "b", "a", **WHERE)
    assert found.ratio == pytest.approx((0.8, 0.8, 0.8), rel=ROUNDING)
    assert found.band == pytest.approx(0, abs=ROUNDING)
    assert found.reduction == pytest.approx(-0.25, rel=1e-5)
    assert (found.processes, found.blocks) == (5, 5 * math.ceil(1024 / 5 / 12))


def test_what_slows_both_cancels() -> None:
    """Everything becomes twice as slow while it is measured."""
    noise = replace(QUIET, ramp=math.log(2))
    found = compare(simulate(0.25, noise=noise), "b", "a", **WHERE)
    assert found.ratio == pytest.approx((0.8, 0.8, 0.8), rel=0.01)


def test_the_papers_table_3() -> None:
    """668 s and 410 s: 1.63 times as fast, 38.6 % less time."""
    ratio = Estimate(668 / 410, 1.6, 1.66)
    found = Comparison("distilbert", "bert", "stsb", 1, "total", ratio, 0.02, 10, 5)
    assert round(found.ratio.value, 2) == 1.63
    assert round(100 * found.reduction, 1) == 38.6
    assert found.claimed


@pytest.mark.parametrize(
    ("ratio", "band", "claimed"),
    [
        (Estimate(1.04, 1.01, 1.07), 0.03, True),
        (Estimate(1.04, 1.01, 1.07), None, True),
        (Estimate(1.04, 1.01, 1.07), 0.05, False),  # within what a model differs from itself
        (Estimate(1.04, 0.99, 1.09), 0.01, False),  # the interval holds 1
        (Estimate(1 / 1.04, 0.94, 0.99), 0.03, True),
        (Estimate(1 / 1.04, 0.94, 0.99), 0.041, False),
        (Estimate(1.8, math.nan, math.nan), None, False),  # a single process
    ],
)
def test_a_claim_takes_an_interval_without_1_and_a_ratio_outside_the_band(
    ratio: Estimate, band: float | None, claimed: bool
) -> None:
    assert Comparison("b", "a", "questions", 2, "forward", ratio, band, 9, 5).claimed is claimed


def test_a_fast_model_weighs_no_more_for_its_many_samples() -> None:
    """b answers each query several times in a turn; with all but its first turns gone, the same."""
    runs = simulate(-0.7, effort=Effort(120, 60), noise=replace(QUIET, process=0.02))
    counts = {run.model: run.phase.count("timed") for run in runs if not run.copy}
    assert counts["b"] > 3 * counts["a"]
    index, full = next((i, run) for i, run in enumerate(runs) if run.model == "b")
    seen: set[tuple[int, int]] = set()
    first = [not (key in seen or seen.add(key)) for key in zip(full.block, full.item, strict=True)]
    phase = tuple(p if keep else "lead" for p, keep in zip(full.phase, first, strict=True))
    assert phase.count("timed") < full.phase.count("timed") / 3
    thinned = [*runs[:index], replace(full, phase=phase), *runs[index + 1 :]]
    expected, found = (compare(some, "b", "a", **WHERE) for some in (runs, thinned))
    assert found.ratio == pytest.approx(expected.ratio, rel=ROUNDING)
    assert found.blocks == expected.blocks == 10


def test_one_interrupted_query_decides_on_no_block() -> None:
    runs = simulate(0.25, noise=QUIET)
    hit = runs[0]
    times = list(hit.stage_ns["forward"])
    for at in range(0, len(times), 12):
        times[at] *= 50
    runs[0] = replace(hit, stage_ns={"forward": tuple(times)})
    assert compare(runs, "b", "a", **WHERE).ratio == pytest.approx((0.8, 0.8, 0.8), rel=ROUNDING)


def test_models_that_ran_one_after_the_other_are_compared_by_their_own_processes_alone() -> None:
    """Slower from round to round: side by side it cancels, one after the other it does not."""
    beside = simulate(0.0)
    end = max(run.start_ns[-1] for run in beside) + 10**10
    later = simulate_runs(
        [Simulated("c", SECONDS)], QUESTIONS, 2, FULL, Effort(1024), seed=9, begin_ns=end
    )
    pooled = compare(beside, "b", "a", **WHERE).ratio
    alone = compare([*beside, *later], "c", "a", **WHERE).ratio
    assert alone.low <= 1 <= alone.high
    assert compare([*beside, *later], "b", "a", **WHERE).ratio == pooled


def test_a_single_process_has_a_ratio_but_no_interval() -> None:
    runs = [run for run in simulate(0.25) if run.process == 0]
    found = compare(runs, "b", "a", **WHERE)
    assert found.ratio.value == pytest.approx(0.8, rel=0.05)
    assert math.isnan(found.ratio.low)
    assert found.band is None
    assert not found.claimed


@pytest.mark.parametrize(
    ("model", "options", "named"),
    [
        ("c", {}, "c .* was not measured on questions with 2 threads"),
        ("b", {"threads": 1}, "with 1 threads"),
        ("b", {"inputs": "pairs"}, "on pairs"),
        ("b", {"stage": "pooling"}, "no times of the stage 'pooling', only of tokenize"),
    ],
)
def test_what_was_not_measured_is_named(model: str, options: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        compare(simulate(0.0), model, "a", **{**WHERE, **options})


def test_nothing_runs_beside_itself_unless_it_did() -> None:
    runs = simulate(0.0)
    assert compare([run for run in runs if not run.copy], "b", "a", **WHERE).band is None
    with pytest.raises(InputError, match=r"b \(copy 1\) was not measured"):
        compare_a_a(runs, "b", **WHERE)


def test_queries_in_common_are_needed() -> None:
    runs = simulate(0.0)
    other = [replace(r, item=tuple(i + 1000 for i in r.item)) for r in runs if r.model == "b"]
    with pytest.raises(InputError, match="share no block of questions"):
        log_ratios(other, [run for run in runs if run.model == "a"], "forward")
