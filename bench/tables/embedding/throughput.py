"""Texts a second and peak memory of ``encode``, beside named peers.

    .venv/bin/python bench/tables/embedding/throughput.py --data DATA [--rounds 5] [--threads 2]
        [--corpus mixed|sentences] [--peer LIBRARY ...] [--quick] [--json FILE] [--work DIR]

all-MiniLM-L6-v2, texts cut at 256 tokens. fastembed and sentence-transformers' ONNX backend run our
fp32 and int8 files, torch its own dynamic int8, sentence-transformers' OpenVINO backend its own
export in the precision that OpenVINO chooses (bf16, where the processor has it: elsewhere it is
left out), llama.cpp GGUF files of its own converter. Mixed: SQuAD dev's paragraphs and questions,
523, shuffled; sentences: STS-B dev's, 3,000. Each figure is from a fresh process, A B C A B C, that
has loaded the model and embedded a few texts before; the clock is around the one call (edge-distil
opens its second session, the one for long lists, within it). Threads are given to every library by
its own parameter and as OMP_NUM_THREADS; tokenizers' parallelism is left as each has it. Batch
sizes are the libraries' own (fastembed 256, sentence-transformers 32), and once more the one of 8,
16, 32 and 64 that is fastest for fastembed; for llama.cpp, whose batches are of tokens, the fastest
of `BATCHES`. Ratios are taken round by round: median (least-greatest). Ours is `load` with the same
file, with int8 for int8-fused, and with int8-fused for other files of less than fp32.

Vectors are compared with sentence-transformers': its ONNX backend for the int8 file and its fused
form, its torch for all others; torch's own int8 is another model, so its difference is that of the
two roundings.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil._machine.engines import BF16, bf16_features
from edge_distil.evaluate.sts import cosines
from tables.embedding.clients import (
    BULK,
    EDGE_DISTIL,
    FASTEMBED,
    LLAMA_CPP,
    PACKAGES,
    PRECISIONS,
    ST_ONNX,
    ST_OPENVINO,
    ST_TORCH,
    Client,
    make_bundle,
    mixed,
    opened,
    sentences,
)
from tables.embedding.peer_files import LLAMA_CPP_PLACE, OPENVINO_PLACE
from tables.shared.figures import add_data, machine, markdown, parser, publish
from tables.shared.variants import fuse

CORPORA = {"mixed": mixed, "sentences": sentences}
BATCHES = {FASTEMBED: (8, 16, 32, 64), LLAMA_CPP: (256, 512, 1024, 2048)}  # texts; tokens
WARM_UP = 4  # texts
QUICK = {"mixed": 48, "sentences": 200}  # texts
OURS = (EDGE_DISTIL, BULK)
PEERS = (FASTEMBED, ST_ONNX, ST_TORCH, ST_OPENVINO, LLAMA_CPP)
FUSED_INT8 = "int8-fused"
GGUF = ("f32", "f16", "q8_0")
VERSIONS = {
    **PACKAGES,
    "optimum-intel": OPENVINO_PLACE,
    "openvino": OPENVINO_PLACE,
    "llama-cpp-python": LLAMA_CPP_PLACE,
}
# Precision of a peer -> that of ours which it is compared with, where that is another one.
COUNTERPARTS = {
    FUSED_INT8: "int8", BF16: FUSED_INT8, "f32": "fp32", "f16": FUSED_INT8, "q8_0": FUSED_INT8,
}  # fmt: skip
REFERENCE, REFERENCE_INT8 = Client(ST_TORCH, "fp32"), Client(ST_ONNX, "int8")
REFERENCES = {"int8": REFERENCE_INT8, FUSED_INT8: REFERENCE_INT8}
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


def clients(bench: Bench, peers: Collection[str]) -> list[Client]:
    """Return who takes part; the best batch sizes are looked for first."""
    found = [
        Client(library, precision)
        for precision in PRECISIONS
        for library in (*OURS, FASTEMBED, ST_ONNX, ST_TORCH)
        if library in (*OURS, *peers)
    ]
    found += [Client(library, FUSED_INT8) for library in OURS]
    if ST_OPENVINO in peers:
        found.append(Client(ST_OPENVINO, BF16))
    for library, precisions in {FASTEMBED: PRECISIONS, LLAMA_CPP: GGUF}.items():
        if library in peers:
            found += [_fastest(bench, library, precision) for precision in precisions]
    return found


def _fastest(bench: Bench, library: str, precision: str) -> Client:
    """Return a library with the batch size that suits it."""
    sizes = [Client(library, precision, size) for size in BATCHES[library]]
    taken = {client: bench.run(client)["seconds"] for client in sizes}
    best = min(taken, key=lambda client: taken[client])
    seconds = ", ".join(f"{client.batch}: {taken[client]:.2f} s" for client in sizes)
    print(f"{best.name} is the fastest ({seconds})", file=sys.stderr)
    return best


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
    for reference in {REFERENCE, REFERENCE_INT8} - set(runs):
        bench.run(reference)
    for client, own in runs.items():
        precision = client.precision
        ours = runs[Client(EDGE_DISTIL, COUNTERPARTS.get(precision, precision))]
        vectors = bench.vectors(client)
        theirs = bench.vectors(REFERENCES.get(precision, REFERENCE))
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
    options.add_argument("--peer", choices=PEERS, action="append", help="by default all")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--quick", action="store_true", help="few texts, two rounds")
    arguments = options.parse_args()
    able = [peer for peer in PEERS if peer != ST_OPENVINO or bf16_features()]
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        bundle = fuse(make_bundle(arguments.work or Path(temporary)), "int8").path
        for corpus in arguments.corpus or CORPORA:
            texts = CORPORA[corpus](arguments.data)[: QUICK[corpus] if arguments.quick else None]
            bench = Bench(bundle, texts, Path(temporary), arguments.threads)
            rounds = 2 if arguments.quick else arguments.rounds
            taking_part = clients(bench, arguments.peer or able)
            found[corpus] = figures(bench, measure(bench, taking_part, rounds))
    for corpus, own in found.items():
        table = markdown(COLUMNS, [row(name, values) for name, values in own.items()])
        line = f"{machine(VERSIONS)}; {arguments.threads} threads; {corpus}"
        publish(line, table, found, arguments.json)


if __name__ == "__main__":
    main()
