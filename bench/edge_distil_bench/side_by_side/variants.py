"""The variants of a bundle timed side by side on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_distil._machine.engines import available
from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import Bundle
from edge_distil.encoder import open_encoder
from edge_distil.session import OnnxSession, Session
from edge_distil_bench.statistics.distribution import Estimate
from edge_distil_bench.statistics.latency import alternate, median_interval, speedup

LENGTHS = (32, 128)  # tokens: a sentence or a question, and a paragraph
ROUNDS = 40
_RATIO_ROUNDS = 9
SECONDS = 6.0  # a length; enough for an interval of 2 or 3 percent
_TEXT = "The lighthouse was built in 1871 by the engineer, on a granite reef off the coast. "


@dataclass(frozen=True)
class Speed:
    """One variant at one length, batch 1.

    Attributes:
        variant: Its name, or that of the engine that runs fp32.
        tokens: Length of the input.
        milliseconds: Of a run.
        speedup: Times as fast as the reference, run for run.
    """

    variant: str
    tokens: int
    milliseconds: Estimate
    speedup: Estimate


def measure_speeds(
    bundle: Bundle,
    variants: Sequence[str],
    *,
    threads: int | None = None,
    lengths: Sequence[int] = LENGTHS,
    seconds: float = SECONDS,
    progress: Callable[[int, int], None] | None = None,
) -> list[Speed]:
    """Time variants in turns on texts of given lengths.

    Args:
        bundle: The bundle.
        variants: Names; the first one is the reference. Engines, such as ``"openvino:bf16"``, too:
            these run fp32.
        threads: See `hardware.threads`.
        lengths: In tokens; those beyond the model's own are cut to it.
        seconds: Time for each length; more is taken where runs are long.
        progress: Called with the number of rounds done and of all.

    Raises:
        SessionError: A variant cannot be loaded or run.
        BundleError: A file is missing or damaged.
    """
    sessions = {name: _session(bundle, name, threads) for name in variants}
    tokenizer = Tokenizer(bundle.path, bundle.manifest.max_length)
    found: list[Speed] = []
    for tokens in dict.fromkeys(min(n, bundle.manifest.max_length) for n in lengths):
        feeds = collate(
            tokenizer.encode([_TEXT * tokens], tokens),
            tokenizer.pad_id,
            first_position=bundle.manifest.first_position,
        )
        runs = {name: partial(session.run, feeds) for name, session in sessions.items()}
        times = alternate(runs, rounds=ROUNDS, seconds=seconds, progress=progress)
        found += [_speed(name, tokens, times[variants[0]], own) for name, own in times.items()]
    return found


def _session(bundle: Bundle, name: str, threads: int | None) -> Session:
    if name in available():
        return open_encoder(bundle.path, variant="fp32", engine=name, threads=threads).session
    return OnnxSession(bundle.model_path(name), threads=threads)


def time_ratio(
    reference: Path, model: Path, texts: Sequence[Mapping[str, Any]]
) -> tuple[float, float, float]:
    """Return the time of a model over a reference's, on one thread, with its interval.

    Args:
        reference: An ONNX file.
        model: Another with the same inputs.
        texts: What both run, one after another: name of the input -> ``(batch, tokens)``.
    """
    runs = {
        name: partial(_run_all, OnnxSession(path, threads=1), texts)
        for name, path in (("reference", reference), ("model", model))
    }
    times = alternate(runs, rounds=_RATIO_ROUNDS)
    found = speedup(times["model"], times["reference"])
    return found.value, found.low, found.high


def _run_all(session: OnnxSession, texts: Sequence[Mapping[str, Any]]) -> None:
    for feeds in texts:
        session.run(feeds)


def _speed(name: str, tokens: int, reference: list[float], own: list[float]) -> Speed:
    return Speed(name, tokens, median_interval([1000 * t for t in own]), speedup(reference, own))
