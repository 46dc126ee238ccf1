"""One short query: latency of ``encode``, beside fastembed and sentence-transformers' ONNX backend.

    .venv/bin/python bench/tables/embedding/latency.py --data DATA [--threads 1 --threads 2]
        [--quick] [--json FILE] [--work DIR]

all-MiniLM-L6-v2, the same fp32 and int8 files, the same threads; questions of SQuAD dev of 8 to
16 tokens, one a call. All libraries are live in processes of their own, time themselves around
the call, and take turns: a block is one turn of each with the same queries, in alternating order,
after one that is not counted. Where memory lies differs from process to process and shows in
these times, so the processes are started again several times.

Ratios are our latency over the peer's, within a block: median over all blocks, with the interval
of `statistics.bootstrap.nested_interval`; below 1 is quicker than the peer. Processor time
is the fairer figure on a busy machine, with one thread: a second one spins while it waits.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import open_bundle
from edge_distil_bench import Estimate
from edge_distil_bench.statistics.bootstrap import nested_interval
from tables.embedding.clients import (
    EDGE_DISTIL,
    FASTEMBED,
    PACKAGES,
    PRECISIONS,
    ST_ONNX,
    Client,
    Embedder,
    make_bundle,
    opened,
    questions,
)
from tables.shared.figures import add_data, machine, markdown, parser, publish, times

TOKENS = range(8, 17)
QUERIES = 20  # a block
LIBRARIES = (EDGE_DISTIL, FASTEMBED, ST_ONNX)
COLUMNS = ("", "threads", "p50 ms", "p95 ms", "ours / it", "in p95", "in processor time")

Blocks = list[
    NDArray[np.float64]
]  # one a process: (block, query, 2), seconds of wall and processor
_WALL, _PROCESSOR = 0, 1


def short_queries(bundle: Path, data: Path) -> list[str]:
    """Return the questions whose length is in `TOKENS`, special tokens included."""
    tokenizer = Tokenizer(bundle, open_bundle(bundle).manifest.max_length)
    texts = questions(data)
    lengths = map(len, tokenizer.encode(texts))
    return [text for text, length in zip(texts, lengths, strict=True) if length in TOKENS]


def measure(
    bundle: Path, texts: Sequence[str], threads: int, processes: int, blocks: int
) -> dict[Client, Blocks]:
    """Time every client; see the file's docstring."""
    taking_part = [Client(library, kind) for kind in PRECISIONS for library in LIBRARIES]
    taken: dict[Client, Blocks] = {client: [] for client in taking_part}
    for count in range(processes):
        with ExitStack() as stack:
            live = {
                client: stack.enter_context(opened(client, bundle, threads))
                for client in taking_part
            }
            for client, own in _turns(live, texts, blocks).items():
                taken[client].append(np.array(own))
        print(f"{threads} threads: processes {count + 1} of {processes}", file=sys.stderr)
    return taken


def _turns(
    live: Mapping[Client, Embedder], texts: Sequence[str], blocks: int
) -> dict[Client, list[list[tuple[float, float]]]]:
    """Let each answer the same queries, block by block."""
    taken: dict[Client, list[list[tuple[float, float]]]] = {client: [] for client in live}
    order = list(live)
    for block in range(blocks + 1):
        asked = [texts[(block * QUERIES + i) % len(texts)] for i in range(QUERIES)]
        for client in order:
            # The first query is not counted: another process has just filled the caches.
            [_, *timed] = live[client].queries([asked[-1], *asked])
            if block:
                taken[client].append(timed)
        order.reverse()
    return taken


def figures(taken: Mapping[Client, Blocks], threads: int) -> list[dict[str, Any]]:
    """Return each client's figures."""
    found = []
    for client, own in taken.items():
        ours = taken[Client(EDGE_DISTIL, client.precision)]
        p50, p95 = np.quantile(np.concatenate(own)[..., _WALL], [0.5, 0.95])
        found.append({
            "client": client.name,
            "threads": threads,
            "p50": float(p50),
            "p95": float(p95),
            "ratio": _ratio(ours, own, 0.5),
            "p95_ratio": _ratio(ours, own, 0.95),
            "processor_ratio": _ratio(ours, own, 0.5, _PROCESSOR),
        })  # fmt: skip
    return found


def _ratio(ours: Blocks, theirs: Blocks, share: float, clock: int = _WALL) -> Estimate:
    """Compare a quantile of each block's queries with the peer's in the same block."""
    logs = [
        np.log(
            np.quantile(a[..., clock], share, axis=1) / np.quantile(b[..., clock], share, axis=1)
        )
        for a, b in zip(ours, theirs, strict=True)
    ]
    low, high = nested_interval(logs)
    middle = float(np.median(np.concatenate(logs)))
    return Estimate(math.exp(middle), math.exp(low), math.exp(high))


def row(found: Mapping[str, Any]) -> list[str]:
    return [
        found["client"],
        str(found["threads"]),
        f"{1000 * found['p50']:.2f}",
        f"{1000 * found['p95']:.2f}",
        times(found["ratio"]),
        times(found["p95_ratio"]),
        times(found["processor_ratio"]),
    ]


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--threads", type=int, action="append", help="by default 1 and 2")
    options.add_argument("--processes", type=int, default=5, help="fresh ones of each client")
    options.add_argument("--blocks", type=int, default=20, help=f"of {QUERIES} queries")
    options.add_argument("--quick", action="store_true", help="two processes, three blocks")
    arguments = options.parse_args()
    processes, blocks = (2, 3) if arguments.quick else (arguments.processes, arguments.blocks)
    with tempfile.TemporaryDirectory() as temporary:
        bundle = make_bundle(arguments.work or Path(temporary))
        texts = short_queries(bundle, arguments.data)
        found = [
            own
            for threads in arguments.threads or (1, 2)
            for own in figures(measure(bundle, texts, threads, processes, blocks), threads)
        ]
    line = f"{machine(PACKAGES)}; {len(texts)} queries of {TOKENS[0]}-{TOKENS[-1]} tokens"
    publish(line, markdown(COLUMNS, [row(own) for own in found]), {"rows": found}, arguments.json)


if __name__ == "__main__":
    main()
