"""A whole document of the study, as of a made-up machine whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product

import numpy as np
from simulated import Noise, Simulated, simulate_runs

from edge_distil_bench.protocol.design import FULL, FULL_HEADLINE, Effort, Protocol
from edge_distil_bench.records import (
    Accuracy,
    Check,
    ColdStart,
    Inputs,
    Measurements,
    Memory,
    Model,
    PeakRate,
    Point,
    Reading,
    Run,
)

MEGABYTE = 10**6
# Threads -> operations a second that the made-up machine reaches in a matrix product, at most.
LIMITS = {"fp32": {1: 9.5e10, 2: 1.8e11}, "int8": {1: 1.9e11, 2: 3.5e11}}
# Of which a forward pass reaches this share: what is simulated, and what a report must find again.
SHARE = {"fp32": 0.72, "int8": 0.63}
OTHER_EFFORT = Effort(240)
_PAUSE = 5 * 10**9  # nanoseconds between two groups
CURVES = (
    *(("length", tokens, 1, 2) for tokens in (16, 32, 64, 128, 256, 384, 512)),
    *(("batch", 128, batch, 2) for batch in (1, 2, 4, 8, 16)),
    *(("threads", 128, 1, threads) for threads in (1, 2)),
)


def _flops(layers: int, hidden: int, inner: int) -> tuple[float, float]:
    """Operations of an encoder: ``a`` a token in its matrices, ``b`` a pair in its attention."""
    return 2.0 * layers * (4 * hidden**2 + 2 * hidden * inner), 4.0 * layers * hidden


_KINDS = {  # parameters, fp32 and int8 megabytes, operations, trained
    "distilbert-base": (66_364_418, 265.6, 67.1, _flops(6, 768, 3072), False),
    "bert-base": (108_893_186, 435.7, 110.2, _flops(12, 768, 3072), False),
    "minilm-l6-squad": (22_566_146, 90.4, 23.1, _flops(6, 384, 1536), True),
}
MODELS = tuple(
    Model(
        id=f"{name}/{variant}",
        model=name,
        variant=variant,
        engine="onnxruntime 1.31.1",
        trained=trained,
        bytes=int((fp32 if variant == "fp32" else int8) * MEGABYTE),
        sha256=f"{index:064x}",
        tokenizer_sha256=f"{9:064x}",
        parameters=parameters,
        flops=flops,
        options={"provider": "CPUExecutionProvider", "graph_level": "all"},
    )
    for index, (name, (parameters, fp32, int8, flops, trained)) in enumerate(_KINDS.items())
    for variant in ("fp32", "int8")
)


def true_seconds(model: Model, tokens: float, batch: int, threads: int) -> float:
    """The true median of a forward pass on the made-up machine."""
    assert model.flops is not None
    linear, quadratic = model.flops
    rate = SHARE[model.variant] * LIMITS[model.variant][threads]
    return batch * (linear * tokens + quadratic * tokens**2) / rate


def simulate_study(
    *,
    device: str = "Simulated CPU @ 3.00GHz",
    protocol: Protocol = FULL,
    headline: Effort = FULL_HEADLINE,
    other: Effort = OTHER_EFFORT,
    threads: Sequence[int] = (2, 1),
    noise: Noise | None = None,
    seed: int = 0,
) -> Measurements:
    """Return what a study would write.

    Args:
        device: `Measurements.device`.
        protocol: Its numbers.
        headline: Effort of "questions" and "passage-384" with the first number of threads.
        other: Effort of everything else.
        threads: Numbers of threads, the headline's first; each 1 or 2.
        noise: Of every run.
        seed: Another one is another day on the same machine.
    """
    draw = np.random.default_rng(seed)
    inputs = _inputs(np.random.default_rng(384))
    runs: list[Run] = []
    for one, count, group in product(inputs, threads, (MODELS[:4], MODELS[4:])):
        main = count == threads[0] and one.id in ("questions", "passage-384")
        runs += simulate_runs(
            _participants(group, one, count), one, count, protocol, headline if main else other,
            noise=noise, seed=seed + len(group), begin_ns=runs[-1].start_ns[-1] + _PAUSE if runs
            else 0,
        )  # fmt: skip
    return Measurements(
        device=device,
        created="2026-11-21T12:00:00+00:00",
        protocol={**asdict(protocol), "headline": asdict(headline), "other": asdict(other)},
        environment=_environment(device, threads),
        models=MODELS,
        inputs=inputs,
        runs=tuple(runs),
        memory=tuple(_memory(model, threads[0], draw) for model in MODELS),
        cold_starts=tuple(_cold_start(m, threads[0], protocol, draw) for m in MODELS),
        curves=tuple(_point(m, *at, draw) for m in MODELS for at in CURVES if at[3] in threads),
        peak_rates=tuple(_peak_rates(threads, draw)),
        accuracy=_ACCURACY,
        checks=_CHECKS,
        readings=tuple(_readings(runs, draw)),
    )


def _inputs(draw: np.random.Generator) -> tuple[Inputs, ...]:
    questions = tuple(draw.integers(70, 300, 256).tolist())
    pairs = tuple(draw.integers(14, 60, 64).tolist())
    return (
        Inputs("questions", "A seeded sample of questions and passages", questions),
        Inputs("passage-384", "A passage that fills 384 tokens", (384,)),
        Inputs("passage-padded", "A usual passage, padded to 384 tokens", (384,), 384),
        Inputs("passage-unpadded", "The same passage, not padded", (172,)),
        Inputs("pairs", "A full pass over pairs of sentences", pairs),
    )


def _participants(models: Sequence[Model], inputs: Inputs, threads: int) -> list[Simulated]:
    """Models that run side by side; the first of the study's first group beside itself."""
    mean = float(np.mean(inputs.tokens))
    group = [Simulated(m.id, true_seconds(m, mean, 1, threads)) for m in models]
    return [*group, replace(group[0], copy=1)] if models[0] is MODELS[0] else group


def _memory(model: Model, threads: int, draw: np.random.Generator) -> Memory:
    baseline = 11 * MEGABYTE
    loaded = int(48 * MEGABYTE + 1.1 * model.bytes * draw.lognormal(0, 0.01))
    answered = loaded + 21 * MEGABYTE
    peak = answered + int(0.6 * model.bytes)
    return Memory(model.id, "questions", threads, baseline, loaded, answered, peak)


def _cold_start(
    model: Model, threads: int, protocol: Protocol, draw: np.random.Generator
) -> ColdStart:
    def column(seconds: float) -> np.ndarray:
        return (1e9 * seconds * draw.lognormal(0, 0.06, protocol.cold_starts)).astype(int)

    parts = [column(0.19), column(0.08 + model.bytes / 1.2e9)]
    parts.append(column(1.3 * true_seconds(model, 172, 1, threads)))
    whole = sum(parts) + column(0.05)
    return ColdStart(model.id, threads, *(tuple(p.tolist()) for p in (*parts, whole)))


def _point(
    model: Model, axis: str, tokens: int, batch: int, threads: int, draw: np.random.Generator
) -> Point:
    times = true_seconds(model, tokens, batch, threads) * draw.lognormal(0, 0.04, 15)
    return Point(model.id, axis, tokens, batch, threads, tuple((1e9 * times).astype(int).tolist()))


def _peak_rates(threads: Sequence[int], draw: np.random.Generator) -> list[PeakRate]:
    """The fp32 limit by two sources, numpy's the lesser; the greatest try is the limit itself."""
    tries = np.array([0.97, 1.0, 0.99])
    sources = [("fp32", "numpy", 0.93), ("fp32", "onnxruntime", 1.0), ("int8", "onnxruntime", 1.0)]
    return [
        PeakRate(kind, source, count, (384, 768, 3072),
              tuple((LIMITS[kind][count] * share * draw.permutation(tries)).tolist()))
        for kind, source, share in sources
        for count in threads
    ]  # fmt: skip


def _readings(runs: Sequence[Run], draw: np.random.Generator) -> list[Reading]:
    """One after each tenth sample of the first model: the clock rate falls as it grows warm."""
    at = sorted(t for run in runs if run.model == MODELS[0].id for t in run.start_ns[::10])
    share = np.linspace(0, 1, len(at))
    return [
        Reading(t, 3200 - 90 * s + draw.normal(0, 8), 48 + 14 * s + draw.normal(0, 0.5), None, 2.1)
        for t, s in zip(at, share.tolist(), strict=True)
    ]


def _environment(device: str, threads: Sequence[int]) -> dict[str, object]:
    return {
        "python": "3.11.7",
        "system": "Linux-6.1-x86_64-with-glibc2.36",
        "cpu": device,
        "architecture": "x86_64",
        "features": ["AVX2"],
        "cores": 2,
        "threads": max(threads),
        "provider": "CPUExecutionProvider",
        "providers": ["CPUExecutionProvider"],
        "graph_level": "ORT_ENABLE_ALL",
        "packages": {"edge-distil": "0.1.0", "numpy": "2.4.6", "onnxruntime": "1.31.1"},
        "cores_of_machine": 2,
        "cgroup_cores": None,
        "memory_bytes": 8 * 1024**3,
        "memory_available_bytes": 6 * 1024**3,
        "governor": None,
        "megahertz": 3200.0,
        "load": [0.21, 0.18, 0.12],
        "busy_cores": 0.01,
        "steal": 0.0,
        "loaded": False,
        "loaded_reason": None,
    }


_ACCURACY = tuple(
    Accuracy(f"minilm-l6-squad/{variant}", "own passages", f"{7:064x}", 128, metrics)
    for variant, metrics in (
        ("fp32", {"exact_match": 81.25, "f1": 88.4}),
        ("int8", {"exact_match": 80.47, "f1": 88.1}),
    )
)
_CHECKS = (
    Check("timer", "minilm-l6-squad/int8", 11.2e6, 3.1e3, 2, 1000),
    Check("profiler", "distilbert-base/fp32", 101.3e6, 100.6e6, 2, 100),
    Check("process", "distilbert-base/fp32", 103.1e6, 104.0e6, 2, 100),
)
