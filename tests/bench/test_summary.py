"""The figures of a report, on a simulated study whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_study import CURVES, LIMITS, MODELS, SHARE, simulate_study, true_seconds

from edge_distil.errors import DataError, InputError
from edge_distil_bench.machine.environment import record_environment
from edge_distil_bench.records import (
    Measurements,
    PeakRate,
    read_measurements,
    write_measurements,
)
from edge_distil_bench.statistics import summary
from edge_distil_bench.statistics.comparison import compare
from edge_distil_bench.statistics.samples import END_TO_END
from edge_distil_bench.statistics.trend import find_trends

DISTILBERT, BERT = "distilbert-base/fp32", "bert-base/fp32"
ROUNDING = 1e-9
# Of a median of 1,024 simulated samples: their noise, and their processes' own.
NOISE = 0.03


@pytest.fixture(scope="module")
def study() -> Measurements:
    return simulate_study()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
@pytest.mark.parametrize("threads", [1, 2])
def test_latency_is_the_true_one(study: Measurements, model, threads: int) -> None:  # type: ignore[no-untyped-def]
    found = summary.latency(study.runs, model.id, inputs="passage-384", threads=threads)
    assert found.median.value == pytest.approx(true_seconds(model, 384, 1, threads), rel=NOISE)


def test_latency_is_of_the_timed_samples_of_the_first_copy(study: Measurements) -> None:
    by_hand = [
        total
        for run in study.runs
        if (run.model, run.copy, run.inputs, run.threads) == (DISTILBERT, 0, "questions", 2)
        for phase, total in zip(run.phase, run.total_ns, strict=True)
        if phase == "timed"
    ]
    found = summary.latency(study.runs, DISTILBERT, inputs="questions", threads=2, stage=END_TO_END)
    assert found.count == len(by_hand) >= 1024
    assert found.mean == pytest.approx(np.mean(by_hand) / 1e9, rel=ROUNDING)
    assert found.median.value == pytest.approx(np.median(by_hand) / 1e9, rel=ROUNDING)


def test_the_study_finds_the_true_ratio_and_reduction(study: Measurements) -> None:
    found = compare(study.runs, DISTILBERT, BERT, inputs="passage-384", threads=2)
    assert found.ratio.low <= 2 <= found.ratio.high
    assert found.claimed
    assert found.reduction == pytest.approx(0.5, abs=NOISE)


def test_a_full_pass_is_the_sum_of_the_queries_means(study: Measurements) -> None:
    times: dict[int, list[int]] = {}
    for run in study.runs:
        if (run.model, run.copy, run.inputs, run.threads) == (BERT, 0, "pairs", 1):
            for phase, item, total in zip(run.phase, run.item, run.total_ns, strict=True):
                if phase == "timed":
                    times.setdefault(item, []).append(total)
    expected = sum(np.mean(of_one) for of_one in times.values()) / 1e9
    asked = {"inputs": "pairs", "threads": 1, "stage": END_TO_END}
    assert len(times) == 64
    assert summary.full_pass(study.runs, BERT, queries=64, **asked) == pytest.approx(expected)
    assert summary.full_pass(study.runs, BERT, **asked) == pytest.approx(expected)
    with pytest.raises(DataError, match="timed on 64 of the 1500 queries of pairs"):
        summary.full_pass(study.runs, BERT, queries=1500, **asked)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_share_of_the_limit_is_the_true_one(study: Measurements, model) -> None:  # type: ignore[no-untyped-def]
    """An int8 model against the int8 limit, fp32 against the greater of its two sources."""
    for _, tokens, batch, threads in CURVES:
        at = {"tokens": tokens, "batch": batch, "threads": threads}
        share = summary.share_of_peak(
            study, model.id, **at, seconds=true_seconds(model, tokens, batch, threads)
        )
        assert share == pytest.approx(SHARE[model.variant], rel=ROUNDING)


def test_the_share_by_hand() -> None:
    """A pass of 10 tokens and 2 rows: 2 * (7 * 10 + 3 * 100) operations in 1/10 s, limit 74,000."""
    model = replace(MODELS[0], flops=(7.0, 3.0))
    peak_rates = (PeakRate("fp32", "numpy", 1, (1, 1, 1), (9.0, 74_000.0)),)
    document = replace(simulate_study(), models=(model,), peak_rates=peak_rates)
    asked = {"tokens": 10, "batch": 2, "seconds": 0.1}
    assert summary.share_of_peak(document, model.id, **asked, threads=1) == pytest.approx(0.1)
    assert summary.share_of_peak(document, model.id, **asked, threads=2) is None
    uncounted = replace(document, models=(replace(model, flops=None),))
    assert summary.share_of_peak(uncounted, model.id, **asked, threads=1) is None


def test_the_limit_is_the_greatest_rate(study: Measurements) -> None:
    for kind, rates in LIMITS.items():
        for threads, rate in rates.items():
            assert summary.greatest_rate(study, kind, threads) == pytest.approx(rate)
    assert summary.greatest_rate(study, "bf16", 1) is None


def test_cold_start_and_memory(study: Measurements) -> None:
    one = next(cold for cold in study.cold_starts if cold.model == BERT)
    sums = np.sum([one.import_ns, one.session_ns, one.first_ns], axis=0) / 1e9
    found = summary.first_answer(study, BERT, threads=2)
    assert found.count == 20
    assert found.median.value == pytest.approx(np.median(sums), rel=ROUNDING)
    parts = summary.cold_start_parts(study, BERT, threads=2)
    assert parts["process"] == pytest.approx(np.median(one.process_ns) / 1e9, rel=ROUNDING)
    assert list(parts) == ["import", "session", "first", "process"]
    (memory,) = (each for each in study.memory if each.model == BERT)
    worse = replace(memory, peak=2 * memory.peak)
    thrice = replace(study, memory=(worse, memory, replace(memory, peak=1)))
    assert summary.memory(thrice, BERT) == memory


def test_drift_is_reported_for_every_run(study: Measurements) -> None:
    found = find_trends(study)
    assert [(d.model, d.copy, d.inputs, d.threads, d.process) for d in found] == [
        (r.model, r.copy, r.inputs, r.threads, r.process) for r in study.runs
    ]


def test_what_was_not_measured_is_named(study: Measurements) -> None:
    with pytest.raises(InputError, match="gpt is not in these measurements, only: distilbert"):
        summary.find_model(study, "gpt")
    with pytest.raises(InputError, match=r"cold start of bert-base/fp32 with 1 threads"):
        summary.first_answer(study, BERT, threads=1)
    with pytest.raises(InputError, match="the memory of gpt was not measured, only of: bert-base"):
        summary.memory(study, "gpt")
    with pytest.raises(InputError, match="not measured on stsb with 2 threads; measured were"):
        summary.latency(study.runs, BERT, inputs="stsb", threads=2)


def test_the_simulated_document_is_a_valid_one(study: Measurements, tmp_path: Path) -> None:
    """What reports are tried on has the fields of what is measured."""
    write_measurements(study, tmp_path / "measurements.json")
    assert read_measurements(tmp_path / "measurements.json") == study
    assert set(study.environment) == set(record_environment(2))
