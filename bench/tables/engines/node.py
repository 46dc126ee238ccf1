"""Embeddings in Node: the npm package beside transformers.js, with the same files.

    .venv/bin/python bench/tables/engines/node.py --data DATA [--variant int8] [--threads 1
        --threads 2] [--rounds 3] [--quick] [--json FILE] [--work DIR]

Needs Node, what `npm ci` installs in apps/web/bench, and what `npm run build` makes in
apps/web/runtime: `make bench-node`. all-MiniLM-L6-v2, the 3,000 sentences of STS-B dev, fp32 and
int8. Each side is a process of its own, started afresh for each round, on the same
onnxruntime-node with as many threads, and has embedded a few texts before. A block is a third of
the sentences, given to each side in one call, in alternating order. edge-distil makes its own
batches. transformers.js pads all that it is given in a call to one batch: it is given as many as
are fastest for it, of 1, 8, 16, 32 and 64. Ratios are our texts a second over the peer's within a
block: median over all blocks, with the interval of `statistics.bootstrap`.

What `--json` names keeps the figures of what is not measured this time.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_distil_bench.protocol.processes import Participant, Worker
from edge_distil_bench.statistics.bootstrap import nested_interval
from tables.embedding.clients import make_bundle, sentences
from tables.shared.figures import add_data, machine, markdown, parser
from tables.shared.places import REPOSITORY

PROGRAM = REPOSITORY / "apps" / "web" / "bench" / "node.mjs"
SIDES = ("own", "peer")
VARIANTS = ("int8", "fp32")
BATCHES = (1, 8, 16, 32, 64)
ROUNDS, BLOCKS = 3, 3
WARM_UP = 8  # texts
TRIED = 128  # texts with which the peer's batch size is chosen
COLUMNS = (
    "", "threads", "its batch", "texts/s", "transformers.js", "ours / it", "in processor time",
    "peak MB", "least cosine", "greatest difference",
)  # fmt: skip


def worker(side: str, bundle: Path, variant: str, threads: int, batch: int) -> Worker:
    """Start a side."""
    words = (side, bundle, variant, threads, batch)
    command = ("node", str(PROGRAM), *map(str, words))
    return Worker(Participant(f"{side} {variant}", command, threads))


def best_batch(bundle: Path, variant: str, threads: int, texts: Sequence[str]) -> int:
    """Return the batch size that is fastest for the peer, each tried twice."""
    taken = {}
    for size in BATCHES:
        with worker("peer", bundle, variant, threads, size) as peer:
            peer.ask(encode=texts[:WARM_UP])
            taken[size] = min(peer.ask(encode=texts)["seconds"] for _ in range(2))
    print(f"transformers.js {variant}: seconds by batch size {taken}", file=sys.stderr)
    return min(taken, key=lambda size: taken[size])


def play(
    bundle: Path, variant: str, threads: int, batch: int, blocks: Sequence[Sequence[str]], to: Path
) -> dict[str, Any]:
    """Let fresh processes embed all blocks in turns; return their replies and vectors."""
    runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    vectors: dict[str, list[NDArray[np.float32]]] = {side: [] for side in SIDES}
    with (
        worker("own", bundle, variant, threads, 0) as own,
        worker("peer", bundle, variant, threads, batch) as peer,
    ):
        workers = {"own": own, "peer": peer}
        for one in workers.values():
            one.ask(encode=blocks[0][:WARM_UP])
        for number, texts in enumerate(blocks):
            for side in SIDES if number % 2 else SIDES[::-1]:
                runs[side].append(workers[side].ask(encode=texts, vectors=str(to)))
                vectors[side].append(np.fromfile(to, np.float32).reshape(len(texts), -1))
        versions = own.ready["versions"]
    joined = {side: np.concatenate(found) for side, found in vectors.items()}
    return {"runs": runs, "vectors": joined, "versions": versions}


def compare(bundle: Path, variant: str, threads: int, texts: Sequence[str], rounds: int) -> Any:
    """Measure one variant; see the file's docstring."""
    batch = best_batch(bundle, variant, threads, texts[:TRIED])
    size = math.ceil(len(texts) / BLOCKS)
    blocks = [texts[start : start + size] for start in range(0, len(texts), size)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors"
        played = [play(bundle, variant, threads, batch, blocks, file) for _ in range(rounds)]
    own, peer = (played[-1]["vectors"][side] for side in SIDES)
    return {
        "versions": played[-1]["versions"],
        "variant": variant,
        "threads": threads,
        "batch": batch,
        "texts": len(texts),
        "texts_per_second": {side: _rate(played, side, len(texts)) for side in SIDES},
        "ratio": _ratio(played, "seconds"),
        "cpu_ratio": _ratio(played, "cpu"),
        "megabytes": {side: _most(played, side) for side in SIDES},
        "cosine": float((own * peer).sum(axis=1).min()),
        "difference": float(np.abs(own - peer).max()),
        "rounds": [one["runs"] for one in played],
    }


def _rate(played: Sequence[Any], side: str, count: int) -> float:
    return statistics.median(
        count / sum(run["seconds"] for run in one["runs"][side]) for one in played
    )


def _most(played: Sequence[Any], side: str) -> float:
    return max(run["megabytes"] for one in played for run in one["runs"][side])


def _ratio(played: Sequence[Any], figure: str) -> list[float]:
    """Return how many times as fast we are, with the ends of its interval."""
    logs = [
        np.array(
            [
                math.log(peer[figure] / own[figure])
                for own, peer in zip(*(one["runs"][side] for side in SIDES), strict=True)
            ]
        )
        for one in played
    ]
    middle = float(np.median(np.concatenate(logs)))
    return [math.exp(value) for value in (middle, *nested_interval(logs))]


def row(found: Mapping[str, Any]) -> list[str]:
    """Return one comparison's cells."""
    rates, memory = found["texts_per_second"], found["megabytes"]
    return [
        found["variant"],
        str(found["threads"]),
        str(found["batch"]),
        *(f"{rates[side]:.0f}" for side in SIDES),
        *("{:.2f} ({:.2f}-{:.2f})".format(*found[key]) for key in ("ratio", "cpu_ratio")),
        " / ".join(f"{memory[side]:.0f}" for side in SIDES),
        f"{found['cosine']:.6f}",
        f"{found['difference']:.1e}",
    ]


def render(document: Mapping[str, Any]) -> str:
    """Write the machine's line and the table."""
    found = document["figures"]
    versions = "; ".join(f"{name} {version}" for name, version in document["versions"].items())
    table = markdown(COLUMNS, [row(found[name]) for name in sorted(found, reverse=True)])
    return f"{document['machine']}; {versions}\n\n{table}"


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--variant", choices=VARIANTS, action="append", help="by default both")
    options.add_argument("--threads", type=int, action="append", help="by default 1 and 2")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--quick", action="store_true", help="300 texts, two rounds")
    arguments = options.parse_args()
    texts = sentences(arguments.data)[: 300 if arguments.quick else None]
    rounds = 2 if arguments.quick else arguments.rounds
    document: dict[str, Any] = {"figures": {}}
    if arguments.json and arguments.json.is_file():
        document = json.loads(arguments.json.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        bundle = make_bundle(arguments.work or Path(temporary))
        for variant in arguments.variant or VARIANTS:
            for threads in arguments.threads or (1, 2):
                found = compare(bundle, variant, threads, texts, rounds)
                document |= {"machine": machine(), "versions": found.pop("versions")}
                document["figures"][f"{variant} {threads}"] = found
                if arguments.json:
                    text = json.dumps(document, indent=1) + "\n"
                    arguments.json.write_text(text, encoding="utf-8")
    print(render(document))


if __name__ == "__main__":
    main()
