"""One bundle on every engine that is installed, length by length, by processor time.

    .interop/edge_distil_openvino/bin/python bench/tables/engines/other_engines.py BUNDLE...
        [--rounds 60]

The environment is the one that tests/interop/test_openvino_engine.py makes; any with the extra
[openvino] does. fp32 and int8 on onnxruntime, fp32 on the others, batch 1, one thread, all opened
by `edge_distil` in one process; a round is one turn of each in an order drawn anew, after a run
that is not counted. Ratios are over onnxruntime's fp32, within a round: median and its interval.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from edge_distil._machine import engines
from edge_distil.encoder import open_encoder
from edge_distil.session import Session, Tokens
from edge_distil_bench.statistics.latency import median_interval

LENGTHS = (12, 32, 128, 384)
REFERENCE = "fp32"


def opened(bundle: Path) -> dict[str, Session]:
    """Return name -> session."""
    variants = {name: open_encoder(bundle, variant=name, threads=1) for name in ("fp32", "int8")}
    others = {
        name: open_encoder(bundle, engine=name, threads=1) for name in engines.available()[1:]
    }
    return {name: encoder.session for name, encoder in {**variants, **others}.items()}


def feeds(tokens: int, names: tuple[str, ...]) -> dict[str, Tokens]:
    """Return inputs of random ids between the special tokens of BERT."""
    ids = np.random.default_rng(0).integers(1000, 20000, (1, tokens))
    ids[:, 0], ids[:, -1] = 101, 102
    arrays = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    return {name: arrays.get(name, np.zeros_like(ids)) for name in names}


def spent(run: Callable[[], object]) -> float:
    """Return the processor seconds of the second of two runs."""
    run()
    started = time.process_time_ns()
    run()
    return (time.process_time_ns() - started) / 1e9


def measure(sessions: Mapping[str, Session], tokens: int, rounds: int) -> dict[str, list[float]]:
    """Return name -> processor seconds of each round."""
    given = feeds(tokens, sessions[REFERENCE].inputs)
    times: dict[str, list[float]] = {name: [] for name in sessions}
    order = list(sessions)
    for _ in range(rounds):
        random.shuffle(order)
        for name in order:
            times[name].append(spent(lambda session=sessions[name]: session.run(given)))
    return times


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("bundles", nargs="+", type=Path)
    made.add_argument("--rounds", type=int, default=60)
    arguments = made.parse_args()
    random.seed(0)
    for bundle in arguments.bundles:
        sessions = opened(bundle)
        print(f"\n| {bundle.name} | " + " | ".join(f"{n} tokens" for n in LENGTHS) + " |")
        print("| --- |" + " --: |" * len(LENGTHS))
        rows: dict[str, list[str]] = {name: [] for name in sessions}
        for tokens in LENGTHS:
            times = measure(sessions, tokens, arguments.rounds)
            for name, own in times.items():
                pairs = zip(own, times[REFERENCE], strict=True)
                ratio, low, high = median_interval([a / b for a, b in pairs])
                cell = f"{1000 * median_interval(own).value:.2f} ms"
                rows[name].append(
                    cell if name == REFERENCE else f"{ratio:.2f} ({low:.2f}-{high:.2f})"
                )
        for name, cells in rows.items():
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
