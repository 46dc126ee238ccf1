"""edge-distil beside torch, optimum, CTranslate2 and OpenVINO, length by length.

    .venv/bin/python bench/tables/engines/against_peers.py [--work DIR] [--json FILE]
        [-- OPTIONS OF BENCH]

``edge-distil bench --against``: the embedded minilm-l6-squad (MiniLM-L6, 384 wide) and
DistilBERT-base with seeded random weights, both for question answering, each length in a run of
its own in which all engines take turns, batch 1, 1 thread unless the options say otherwise. The
peers' environments are made below .interop at the first use (4 GB). Peers are given token ids and
timed on the forward pass alone. A figure is int8-fused's time over the engine's: below 1, the
engine is slower.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import machine, markdown, parser, publish, shown, times
from tables.shared.places import EMBEDDED, peer_python
from tables.shared.variants import export

# As --against has it -> its environment; torch is in this one. Each in the precision in which it
# is fastest here; in fp32 all take 2.5 times our int8's time and more.
PEERS = {
    "torch:int8": None,
    "optimum:int8": "optimum_onnx",
    "ctranslate2:int8": "ctranslate2",
    "openvino:bf16": "openvino_runtime",
}
PACKAGES = {
    "optimum-onnx": "optimum_onnx",
    "ctranslate2": "ctranslate2",
    "openvino": "openvino_runtime",
}
OURS = ("int8-fused", "int8", "fp32")
LENGTHS = (12, 32, 128, 384)
_QUERIES, _QUESTION, _SPECIAL = 8, 4, 3  # of a length; its question's tokens, and those around


def queries(tokens: int, folder: Path) -> Path:
    """Write questions with contexts of exactly so many tokens, a tab between."""
    vocabulary = (EMBEDDED / "vocab.txt").read_text(encoding="utf-8").splitlines()
    words = [word for word in vocabulary if len(word) > 2 and word.isascii() and word.isalpha()]
    draw = random.Random(tokens)
    lines = []
    for _ in range(_QUERIES):
        drawn = draw.choices(words, k=tokens - _SPECIAL)
        lines.append("\t".join([" ".join(drawn[:_QUESTION]), " ".join(drawn[_QUESTION:])]))
    file = folder / f"{tokens}.txt"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def compare(bundle: Path, checkpoint: Path, work: Path, options: Sequence[str]) -> Any:
    """Run the command as a user does; return its models' records by variant."""
    against = [
        f"--against={name}" + (f"={peer_python(place)}" if place else "")
        for name, place in PEERS.items()
    ]
    command = [sys.executable, "-P", "-m", "edge_distil_apps.cli", "bench", bundle, "--json"]
    command += [f"--variant={variant}" for variant in OURS]
    command += ["--checkpoint", checkpoint, "--work", work, *against, *options]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    return {model["id"].partition("/")[2]: model for model in json.loads(done.stdout)["models"]}


def figures(model: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the table shows of one model's record."""
    speed = model["speed"]
    return {
        "engine": model["engine"],
        "milliseconds": 1e3 * model["forward"]["p50"]["value"],
        "ratio": speed and [speed[key] for key in ("value", "low", "high")],
        "cosine": model["mean_cosine"],
    }


def table(found: Mapping[str, Any]) -> str:
    """Write one table a model."""
    return "\n\n".join(_table(model, by_length) for model, by_length in found.items())


def _table(model: str, by_length: Mapping[str, Any]) -> str:
    rows = []
    for name, record in next(iter(by_length.values())).items():
        cells = [_cell(own[name]) for own in by_length.values()]
        cosines = [own[name]["cosine"] for own in by_length.values()]
        least = "" if None in cosines else f"{min(cosines):.4f}"
        rows.append([name, record["engine"], *cells, least])
    lengths = [f"{length} tokens" for length in by_length]
    return markdown([model, "engine", *lengths, "least cosine to fp32"], rows)


def _cell(record: Mapping[str, Any]) -> str:
    if record["ratio"] is None:
        return f"{record['milliseconds']:.2f} ms"
    return times(record["ratio"])


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def main() -> None:
    made = parser(__doc__)
    made.add_argument("options", nargs="*", help="for edge-distil bench, behind --")
    arguments = made.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        random_weights = work / "checkpoint"
        if not random_weights.is_dir():
            make_checkpoint(random_weights)
        sources = {"minilm-l6-squad": EMBEDDED, "distilbert-base": random_weights}
        found: dict[str, Any] = {}
        for name, checkpoint in sources.items():
            bundle = export(checkpoint, work / "bundles" / name, "--int8", "--fused")
            found[name] = {}
            for tokens in LENGTHS:
                options = ["--threads=1", "--untrained", "--texts", queries(tokens, work)]
                models = compare(bundle, checkpoint, work, [*map(str, options), *arguments.options])
                found[name][str(tokens)] = {key: figures(model) for key, model in models.items()}
                print(_table(name, found[name]), flush=True)
    publish(machine(PACKAGES), table(found), found, arguments.json)


if __name__ == "__main__":
    main()
