"""The last layer sliced to the token that the head reads, against the whole one.

    .venv/bin/python bench/tables/embedding/last_layer.py [--rounds 40] [--json FILE] [--work DIR]

DistilBERT-base with two labels, seeded random weights, 128 random tokens, 1 thread. Both graphs
come from the same checkpoint, one by ``export --no-slice``, and both have their own int8. They take
turns in one process, on one core; the ratio is the sliced graph's time over the whole one's, with
the interval of `edge_distil_bench.speedup`. Shown too: the greatest difference of a logit.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil.bundle import open_bundle
from edge_distil.session import OnnxSession, Tokens
from edge_distil_bench import alternate, speedup
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import machine, markdown, parser, pin, publish, times
from tables.shared.variants import export

TOKENS = 128
BATCHES = (1, 16)
VOCABULARY = 30522
VARIANTS = ("fp32", "int8")
BUNDLES = {"sliced": ("--int8",), "whole": ("--int8", "--no-slice")}
SEED = 2018


def make_bundles(folder: Path) -> dict[str, Path]:
    """Export both, unless they are there."""
    checkpoint = folder / "checkpoint"
    if not checkpoint.is_dir():
        make_checkpoint(checkpoint, "DistilBertForSequenceClassification")
    return {name: export(checkpoint, folder / name, *flags) for name, flags in BUNDLES.items()}


def measure(sessions: Mapping[str, OnnxSession], batch: int, rounds: int) -> dict[str, Any]:
    """Time both graphs on one batch and compare their logits."""
    ids = np.random.default_rng(SEED).integers(1000, VOCABULARY, (batch, TOKENS))
    feeds: dict[str, Tokens] = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    logits = {name: session.run(feeds)["logits"] for name, session in sessions.items()}
    runs = {name: _run(session, feeds) for name, session in sessions.items()}
    seconds = alternate(runs, rounds=rounds)
    return {
        "milliseconds": {name: 1e3 * float(np.median(s)) for name, s in seconds.items()},
        # How many times as fast the whole one is: the sliced one's time over its own.
        "ratio": speedup(seconds["sliced"], seconds["whole"]),
        "difference": float(np.abs(logits["sliced"] - logits["whole"]).max()),
    }


def _run(session: OnnxSession, feeds: dict[str, Tokens]) -> Any:
    return lambda: session.run(feeds)


def row(variant: str, batch: int, found: Mapping[str, Any]) -> list[str]:
    """Write one line of the table."""
    spent = found["milliseconds"]
    return [
        f"{variant}, batch {batch}",
        f"{spent['whole']:.1f} ms",
        f"{spent['sliced']:.1f} ms",
        times(found["ratio"]),
        f"{found['difference']:.1e}",
    ]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=40)
    arguments = options.parse_args()
    pin()
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as temporary:
        bundles = make_bundles(arguments.work or Path(temporary))
        for variant in VARIANTS:
            sessions = {
                name: OnnxSession(open_bundle(path).model_path(variant), threads=1)
                for name, path in bundles.items()
            }
            for batch in BATCHES:
                found = measure(sessions, batch, arguments.rounds)
                rows.append(row(variant, batch, found))
                figures[f"{variant}, batch {batch}"] = {**found, "ratio": found["ratio"]._asdict()}
    columns = ["DistilBERT, 128 tokens", "whole", "sliced", "sliced / whole", "logits differ by"]
    publish(machine(), markdown(columns, rows), figures, arguments.json)


if __name__ == "__main__":
    main()
