"""Edits of the int8 graph that were tried: their time over today's, and what answers lose.

    .venv/bin/python bench/tables/graphs/attempts.py [--rounds 40] [--json FILE] [--work DIR]

The embedded checkpoint (MiniLM-L6, 384 wide) and DistilBERT-base with seeded random weights, both
for question answering; batch 1, no padding, one thread on one core, all graphs in turns in one
process (`edge_distil_bench.alternate`). A figure is an edit's time over today's, the median of the
ratios within the rounds. The error is the mean difference of the embedded checkpoint's logits from
fp32's over today's, on the texts that calibration uses; ``same bits`` where none differs from
today's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import open_bundle
from edge_distil.session import OnnxSession
from edge_distil_bench import alternate, speedup
from edge_distil_quantize.calibration.inputs import calibration_inputs
from tables.graphs.attention import fused_attention, mask_where_needed, without_mask
from tables.graphs.products import (
    behind_layer_norms,
    fixed_scales,
    one_projection,
    scale_by_row,
    scales_by_block,
)
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import machine, markdown, parser, pin, publish, shown
from tables.shared.places import EMBEDDED
from tables.shared.variants import FP32, export

TODAY = "today's"
MODELS = {"MiniLM": EMBEDDED, "DistilBERT": None}
LENGTHS = (12, 32, 128, 384)
COLUMNS = ["", *(f"{model}, {length}" for model in MODELS for length in LENGTHS), "error"]

Edit = Callable[[onnx.ModelProto], onnx.ModelProto]
Feeds = Mapping[str, NDArray[np.int64]]


def edits(heads: int, greatest: Mapping[str, float]) -> dict[str, Edit]:
    """Return what was tried; see each function."""
    fixed = partial(fixed_scales, greatest=greatest)
    fused = partial(fused_attention, heads=heads, masked=False)
    return {
        "query, key and value as one product": one_projection,
        "a scale a row in QuantizeLinear": scale_by_row,
        "mask only where a text is padded": mask_where_needed,
        "no mask at all": without_mask,
        "MultiHeadAttention with a mask": partial(fused_attention, heads=heads, masked=True),
        "MultiHeadAttention, no mask": fused,
        "fixed scales behind layer norms": fixed,
        "both of these": lambda model: fixed(fused(model)),
        "MatMulNBits in 8 bits": scales_by_block,
    }


def greatest_of(model: onnx.ModelProto, folder: Path, feeds: Sequence[Feeds]) -> dict[str, float]:
    """Return the greatest magnitude of what each layer norm gives to a product."""
    shown_model, names = onnx.ModelProto(), behind_layer_norms(model)
    shown_model.CopyFrom(model)
    shown_model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = _open(shown_model, folder / "shown.onnx")
    runs = [session.run(given, names) for given in feeds]
    return {name: max(float(np.abs(found[name]).max()) for found in runs) for name in names}


def measure(folder: Path, name: str, rounds: int) -> dict[str, dict[str, Any]]:
    """Time every edit of one model, and compare its logits."""
    bundle = _bundle(folder, name)
    opened = open_bundle(bundle)
    tokenizer = Tokenizer(opened.path, opened.manifest.max_length)
    texts = calibration_inputs(opened)
    model = onnx.load(opened.model_path("int8"))
    heads = 12  # of both
    made = edits(heads, greatest_of(model, folder, texts))
    sessions = {TODAY: _open(model, folder / "today.onnx")}
    for label, edit in made.items():
        sessions[label] = _open(edit(model), folder / "edited.onnx")
    exact = OnnxSession(opened.model_path(FP32), threads=1)
    figures = _errors(exact, sessions, texts)
    for length in LENGTHS:
        given = collate(tokenizer.encode(["word " * length], length), tokenizer.pad_id)
        runs = {label: partial(session.run, given) for label, session in sessions.items()}
        taken = alternate(runs, rounds=rounds)
        for label, own in taken.items():
            figures[label][str(length)] = speedup(own, taken[TODAY])
    return figures


def _bundle(folder: Path, name: str) -> Path:
    checkpoint = MODELS[name] or make_checkpoint(folder / "checkpoint")
    return export(checkpoint, folder / name, "--int8")


def _open(model: onnx.ModelProto, file: Path) -> OnnxSession:
    onnx.save(model, file)
    return OnnxSession(file, threads=1)


def _errors(
    exact: OnnxSession, sessions: Mapping[str, OnnxSession], texts: Sequence[Feeds]
) -> dict[str, dict[str, Any]]:
    """Return each graph's error over today's, and whether all of its bits are today's."""
    right, today = _logits(exact, texts), _logits(sessions[TODAY], texts)
    least = np.abs(today - right).mean()
    found = {name: _logits(session, texts) for name, session in sessions.items()}
    return {
        name: {
            "error": float(np.abs(logits - right).mean() / least),
            "same_bits": bool((logits == today).all()),
        }
        for name, logits in found.items()
    }


def _logits(session: OnnxSession, texts: Sequence[Feeds]) -> NDArray[np.float32]:
    return np.concatenate([a.ravel() for given in texts for a in session.run(given).values()])


def table(figures: Mapping[str, Any]) -> str:
    first = next(iter(figures.values()))
    rows = [
        [
            label,
            *(f"{own[label][str(n)][0]:.2f}" for own in figures.values() for n in LENGTHS),
            "same bits" if first[label]["same_bits"] else f"{first[label]['error']:.2f}",
        ]
        for label in first
        if label != TODAY
    ]
    return markdown(COLUMNS, rows)


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=40)
    arguments = options.parse_args()
    pin()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        figures = {name: measure(folder, name, arguments.rounds) for name in MODELS}
    publish(machine(), table(figures), figures, arguments.json)


if __name__ == "__main__":
    main()
