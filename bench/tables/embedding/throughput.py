"""Texts a second and peak memory of ``encode``, beside fastembed and sentence-transformers.

    .venv/bin/python bench/tables/embedding/throughput.py --data DATA [--rounds 5] [--threads 2]
        [--corpus mixed|sentences] [--quick] [--json FILE] [--work DIR]

all-MiniLM-L6-v2, texts cut at 256 tokens, the same fp32 and int8 files for all but torch (its own
dynamic int8). Mixed: SQuAD dev's paragraphs and questions, 523, shuffled; sentences: STS-B dev's,
3,000. Each figure is from a fresh process, A B C A B C, that has loaded the model and embedded a
few texts before; the clock is around the one call (edge-distil opens its second session, the one
for long lists, within it). Threads are given to every library by its own
parameter and as OMP_NUM_THREADS; tokenizers' parallelism is left as each has it. Batch sizes are
the libraries' own (fastembed 256, sentence-transformers 32), and once more the one of 8, 16, 32
and 64 that is fastest for fastembed. Ratios are taken round by round: median (least-greatest).

Vectors are compared with sentence-transformers': its torch for fp32, its ONNX backend for the
int8 file; torch's own int8 is another model, so its difference is that of the two roundings.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil.evaluate.sts import cosines
from tables.embedding.clients import (
    BULK,
    EDGE_DISTIL,
    FASTEMBED,
    PACKAGES,
    PRECISIONS,
    ST_ONNX,
    ST_TORCH,
    Client,
    make_bundle,
    mixed,
    opened,
    sentences,
)
from tables.shared.figures import add_data, machine, markdown, parser, publish

CORPORA = {"mixed": mixed, "sentences": sentences}
BATCHES = (8, 16, 32, 64)
WARM_UP = 4  # texts
QUICK = {"mixed": 48, "sentences": 200}  # texts
LIBRARIES = (EDGE_DISTIL, BULK, FASTEMBED, ST_ONNX, ST_TORCH)
REFERENCES = {"fp32": Client(ST_TORCH, "fp32"), "int8": Client(ST_ONNX, "int8")}
COLUMNS = (
    "", "texts/s", "ours is so many times as fast", "in processor time", "peak MB",
    "least cosine to sentence-transformers", "greatest difference",
)  # fmt: skip

Run = dict[str, float]


class Bench:
    """One corpus on one bundle.

    Args:
        bundle: all-MiniLM-L6-v2.
        texts: The corpus.
        folder: Where texts and vectors are kept meanwhile.
        threads: Of every library.
    """

    def __init__(self, bundle: Path, texts: Sequence[str], folder: Path, threads: int) -> None:
        self._bundle, self._folder, self._threads = bundle, folder, threads
        self.count = len(texts)
        self._texts, self._few = folder / "texts.json", folder / "few.json"
        self._texts.write_text(json.dumps(list(texts)), encoding="utf-8")
        self._few.write_text(json.dumps(list(texts[:WARM_UP])), encoding="utf-8")

    def run(self, client: Client) -> Run:
        """Embed the corpus in a fresh process."""
        with opened(client, self._bundle, self._threads) as embedder:
            embedder.encode(self._few, self._folder / "few.npy")
            return embedder.encode(self._texts, self._file(client))

    def vectors(self, client: Client) -> Any:
        """Return the vectors ``(texts, dimension)`` of a client's last run."""
        return np.load(self._file(client))

    def _file(self, client: Client) -> Path:
        return self._folder / f"{client.name}.npy"


def clients(bench: Bench) -> list[Client]:
    """Return who takes part; fastembed's best batch size is looked for first."""
    found = [Client(library, precision) for precision in PRECISIONS for library in LIBRARIES]
    for precision in PRECISIONS:
        taken = {size: bench.run(Client(FASTEMBED, precision, size))["seconds"] for size in BATCHES}
        best = min(taken, key=lambda size: taken[size])
        print(f"fastembed {precision}: batch {best} is fastest of {taken}", file=sys.stderr)
        found.append(Client(FASTEMBED, precision, best))
    return found


def measure(bench: Bench, taking_part: Sequence[Client], rounds: int) -> dict[Client, list[Run]]:
    """Take turns."""
    runs: dict[Client, list[Run]] = {client: [] for client in taking_part}
    for count in range(rounds):
        for client, own in runs.items():
            own.append(bench.run(client))
            print(f"round {count + 1}: {client.name} {own[-1]}", file=sys.stderr)
    return runs


def figures(bench: Bench, runs: Mapping[Client, list[Run]]) -> dict[str, dict[str, Any]]:
    """Return each client's figures."""
    found = {}
    for client, own in runs.items():
        ours = runs[Client(EDGE_DISTIL, client.precision)]
        vectors, theirs = bench.vectors(client), bench.vectors(REFERENCES[client.precision])
        found[client.name] = {
            "texts_per_second": statistics.median(bench.count / run["seconds"] for run in own),
            "megabytes": max(run["megabytes"] for run in own),
            "ratio": _ratios(own, ours, "seconds"),
            "cpu_ratio": _ratios(own, ours, "cpu"),
            "cosine": float(cosines(vectors, theirs).min()),
            "difference": float(np.abs(vectors - theirs).max()),
            "runs": own,
        }
    return found


def _ratios(theirs: Sequence[Run], ours: Sequence[Run], figure: str) -> list[float]:
    """Return the median, the least and the greatest ratio of a round."""
    ratios = [a[figure] / b[figure] for a, b in zip(theirs, ours, strict=True)]
    return [statistics.median(ratios), min(ratios), max(ratios)]


def row(name: str, found: Mapping[str, Any]) -> list[str]:
    return [
        name,
        f"{found['texts_per_second']:.1f}",
        *("{:.2f} ({:.2f}-{:.2f})".format(*found[key]) for key in ("ratio", "cpu_ratio")),
        f"{found['megabytes']:,.0f}",
        f"{found['cosine']:.6f}",
        f"{found['difference']:.1e}",
    ]


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--corpus", choices=CORPORA, action="append", help="by default both")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--quick", action="store_true", help="few texts, two rounds")
    arguments = options.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        bundle = make_bundle(arguments.work or Path(temporary))
        for corpus in arguments.corpus or CORPORA:
            texts = CORPORA[corpus](arguments.data)[: QUICK[corpus] if arguments.quick else None]
            bench = Bench(bundle, texts, Path(temporary), arguments.threads)
            rounds = 2 if arguments.quick else arguments.rounds
            found[corpus] = figures(bench, measure(bench, clients(bench), rounds))
    for corpus, own in found.items():
        table = markdown(COLUMNS, [row(name, values) for name, values in own.items()])
        line = f"{machine(PACKAGES)}; {arguments.threads} threads; {corpus}"
        publish(line, table, found, arguments.json)


if __name__ == "__main__":
    main()
