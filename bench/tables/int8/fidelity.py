"""int8 of all-MiniLM-L6-v2: how near to fp32, how small, how fast, against named peers.

    .venv/bin/python bench/tables/int8/fidelity.py --data DATA [--rounds 40] [--json FILE]

Every sentence of STS-B dev runs alone, without padding, through every file, on one onnxruntime
with one tokenizer; cosines are to the same fp32 vectors. Files without a pooled output are pooled
(mean) and normalised here. Latency: batch 1, 128 tokens, 1 thread on one core, all files in turns
in this process; ratios within a turn, with their 95 % intervals. Peers make their files in their
own environments below .interop.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import open_bundle
from edge_distil.evaluate.fidelity import of_vectors
from edge_distil.evaluate.sts import ScoredPair, cosines, read_pairs, spearman
from edge_distil.session import OnnxSession
from edge_distil_bench import alternate, median_interval, speedup
from tables.shared.figures import add_data, machine, markdown, parser, pin, publish, shown, times
from tables.shared.minilm import PACKAGES, PER_TENSOR, embed, make_files
from tables.shared.variants import FP32

TOKENS = 128
COLUMNS = ["file", "size / fp32", "cosine mean", "1st percentile", "least", "Spearman", "ms",
           "speed / fp32", "speed / onnxruntime per tensor"]  # fmt: skip


def fidelity(
    sessions: Mapping[str, OnnxSession], tokenizer: Tokenizer, pairs: Sequence[ScoredPair]
) -> dict[str, dict[str, float]]:
    """Embed every sentence alone with every file."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.first, pair.second)))
    place = {text: index for index, text in enumerate(texts)}
    feeds = [collate([e], tokenizer.pad_id) for e in tokenizer.encode(texts)]
    vectors = {
        name: np.concatenate([embed(session.run(f), f["attention_mask"]) for f in feeds])
        for name, session in sessions.items()
    }
    first, second = ([place[getattr(p, half)] for p in pairs] for half in ("first", "second"))
    gold = [pair.score for pair in pairs]
    return {
        name: {
            **of_vectors(vectors[FP32], own).to_dict(),
            "spearman": 100 * spearman(cosines(own[first], own[second]), gold),
        }
        for name, own in vectors.items()
    }


def latency(
    sessions: Mapping[str, OnnxSession], tokenizer: Tokenizer, rounds: int
) -> dict[str, dict[str, Any]]:
    """Time every file in turns."""
    feeds = collate(tokenizer.encode(["word " * TOKENS], TOKENS), tokenizer.pad_id)
    taken = alternate({n: partial(s.run, feeds) for n, s in sessions.items()}, rounds=rounds)
    return {
        name: {
            "milliseconds": median_interval([1000 * t for t in own]),
            "over_fp32": speedup(taken[FP32], own),
            "over_per_tensor": speedup(taken[PER_TENSOR], own),
        }
        for name, own in taken.items()
    }


def row(name: str, figures: Mapping[str, Any]) -> list[str]:
    return [
        name,
        f"{figures['size']:.3f}",
        *(f"{figures[f'cosine_{kind}']:.4f}" for kind in ("mean", "p1", "min")),
        f"{figures['spearman']:.2f}",
        f"{figures['milliseconds'][0]:.2f}",
        times(figures["over_fp32"]),
        times(figures["over_per_tensor"]),
    ]


def table(figures: Mapping[str, Any]) -> str:
    return markdown(COLUMNS, [row(name, own) for name, own in figures.items()])


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def run(folder: Path, data: Path, rounds: int) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    files, failed = make_files(folder, data)
    pin()
    sessions = {name: OnnxSession(file, threads=1) for name, file in files.items()}
    bundle = open_bundle(folder / "bundle")
    tokenizer = Tokenizer(bundle.path, bundle.manifest.max_length)
    pairs = read_pairs(data / "stsb" / "stsb-en-dev.csv")
    near, fast = fidelity(sessions, tokenizer, pairs), latency(sessions, tokenizer, rounds)
    whole = files[FP32].stat().st_size
    return {
        name: {"size": file.stat().st_size / whole, **near[name], **fast[name]}
        for name, file in files.items()
    }, failed


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--rounds", type=int, default=40)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        figures, failed = run(folder, arguments.data, arguments.rounds)
    publish(machine(PACKAGES), table(figures), figures, arguments.json, failed)


if __name__ == "__main__":
    main()
