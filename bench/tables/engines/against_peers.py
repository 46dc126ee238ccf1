"""edge-distil beside torch, optimum, CTranslate2 and OpenVINO: ``edge-distil bench --against``.

    .venv/bin/python bench/tables/engines/against_peers.py [--work DIR] [--json FILE]
        [-- OPTIONS OF BENCH]

DistilBERT-base with seeded random weights, then the embedded minilm-l6-squad, fp32 and int8, all
engines in one run each, 1 thread unless the options say otherwise. The peers' environments are
made below .interop at the first use (4 GB). Peers are timed on token ids, forward alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import markdown, parser
from tables.shared.places import EMBEDDED, peer_python
from tables.shared.variants import export

# Peer -> its environment; torch is in this one.
PEERS = {
    "torch": None,
    "optimum": "optimum_onnx",
    "ctranslate2": "ctranslate2",
    "openvino": "openvino_runtime",
}
COLUMNS = (
    "", "engine", "forward ms", "p95", "times as fast as our fp32", "file MB", "peak MB",
    "first answer s", "cosine to fp32",
)  # fmt: skip


def compare(bundle: Path, checkpoint: Path, work: Path, options: Sequence[str]) -> dict[str, Any]:
    """Run the command as a user does; return its document."""
    against = [
        f"--against={name}" + (f"={peer_python(place)}" if place else "")
        for name, place in PEERS.items()
    ]
    command = [sys.executable, "-P", "-m", "edge_distil_apps.cli", "bench", bundle]
    command += ["--checkpoint", checkpoint, "--work", work, "--json", *against, *options]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def row(model: Mapping[str, Any]) -> list[str]:
    """Return one model's cells."""
    forward, speed, cosine = model["forward"], model["speed"], model["mean_cosine"]
    ratio = "1"
    if speed:
        ratio = f"{speed['value']:.2f} ({speed['low']:.2f}-{speed['high']:.2f})"
        ratio += "" if speed["claimed"] else ", not claimed"
    return [
        model["id"],
        model["engine"],
        f"{1e3 * forward['p50']['value']:.2f}",
        f"{1e3 * forward['p95']['value']:.2f}",
        ratio,
        f"{model['bytes'] / 1e6:.1f}" if model["bytes"] else "",
        f"{model['peak_bytes'] / 1e6:.0f}" if model["peak_bytes"] else "",
        f"{model['first_answer_seconds']:.2f}",
        f"{cosine:.4f}" if cosine is not None else "",
    ]


def show(found: Mapping[str, Any]) -> str:
    """Write one run in Markdown."""
    packages = ", ".join(f"{k} {v}" for k, v in found["environment"]["packages"].items())
    a_a, tokens = found["a_a_test"], sorted(found["inputs"]["tokens"])
    return "\n\n".join(
        [
            f"{found['device']} ({', '.join(found['environment']['features'])}), threads: "
            f"{found['environment']['threads']}; {packages}; {found['inputs']['description']}, "
            f"{tokens[0]} to {tokens[-1]} tokens, batch 1",
            markdown(COLUMNS, [row(model) for model in found["models"]]),
            f"{found['models'][0]['id']} beside a copy of itself: {a_a['value']:.3f} "
            f"({a_a['low']:.3f}-{a_a['high']:.3f}). {found['verdict']}.",
            *(f"Note: {warning}." for warning in found["warnings"]),
        ]
    )


def render(found: Mapping[str, Any]) -> str:
    """Write all runs."""
    return "\n\n".join(show(one) for one in found.values())


def main() -> None:
    made = parser(__doc__)
    made.add_argument("options", nargs="*", help="for edge-distil bench, behind --")
    arguments = made.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        random = work / "checkpoint"
        if not random.is_dir():
            make_checkpoint(random)
        models = {"distilbert-base": random, "minilm-l6-squad": EMBEDDED}
        found = {}
        for name, checkpoint in models.items():
            bundle = export(checkpoint, work / "bundles" / name, "--int8")
            untrained = ["--untrained"] if checkpoint == random else []
            options = ["--threads", "1", *untrained, *arguments.options]
            found[name] = compare(bundle, checkpoint, work, options)
            print(f"{show(found[name])}\n", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
