"""Packed rows against batches of one width: is a full row faster than none padded?

    .venv/bin/python bench/tables/embedding/packed_rows.py --data DATA [--rounds 6] [--json FILE]
        [--work DIR]

all-MiniLM-L6-v2, sentences of STS-B dev, shuffled and tokenized before the clock starts. By width
is the runtime's own scheduler (`edge_distil.streaming`): only texts of as many tokens share a
batch. Packed are the same texts side by side in rows of at most so many tokens, longest first, each
into the first row with room, in batches of the same budget (`packing`). Many texts run a batch a
thread on either side, few run one batch after the other on all threads, as the runtime does. All
take turns in one process, A B C then C B A; ratios are taken round by round, with the interval of
`edge_distil_bench.speedup`, by the clock and in processor time: above 1, packed is faster.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge_distil._tokenizing.rows import Row
from edge_distil.batching import TOKEN_BUDGET, Buckets
from edge_distil.bundle import open_bundle
from edge_distil.encoder import Encoder, open_encoder
from edge_distil.outputs import POOLED
from edge_distil.pooling import Floats, normalize
from edge_distil.session import OnnxSession
from edge_distil.streaming import reading, sizes, stream
from edge_distil_bench import speedup
from tables.embedding.clients import PRECISIONS, make_bundle, sentences
from tables.embedding.packing import HIDDEN, Packed, batches, block_diagonal
from tables.shared.figures import add_data, machine, markdown, parser, shown, times
from tables.shared.minilm import checkpoint
from tables.shared.variants import export

WIDTHS = "widths"
ROWS = (64, 128, 512)  # tokens of a packed row
COUNTS = (8, 32, 1000)  # texts; the last is long work, which runs a batch a thread
MORE = 5  # times as many rounds of few texts, which take milliseconds
COLUMNS = (
    "", "texts/s by width", *(f"packed to {width}" for width in ROWS),
    *(f"{width}, processor" for width in ROWS), "differs by",
)  # fmt: skip
THREADS = (1, 2)
SEED = 2018


class Taken(NamedTuple):
    """Seconds of each round, by the clock and of the processor, of all threads together."""

    seconds: list[float]
    processor: list[float]


def read(data: Path, count: int) -> list[str]:
    """Return so many different sentences."""
    texts = list(dict.fromkeys(sentences(data)))
    random.Random(SEED).shuffle(texts)
    return texts[:count]


def by_width(encoder: Encoder, rows: Sequence[Row], *, long: bool) -> Floats:
    """Embed with the runtime's scheduler."""
    work = reading((POOLED,), lambda _key, _row, found: found[POOLED])
    found = stream(encoder, enumerate(rows), work, blocks=sizes(known=True), long=long)
    return np.stack([vector for _, vector in found])


def packed(session: OnnxSession, rows: Sequence[Row], width: int, workers: int) -> Floats:
    """Embed packed rows, so many batches side by side."""
    vectors = np.empty((len(rows), 384), np.float32)

    def run(batch: Packed) -> None:
        hidden = session.run(batch.feeds, (HIDDEN,))[HIDDEN]  # (batch, width, hidden)
        for text, row, start, end in batch.places:
            vectors[text] = hidden[row, start:end].mean(axis=0)

    made = batches(rows, width, TOKEN_BUDGET)
    if workers == 1:
        for batch in made:
            run(batch)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, made))
    return normalize(vectors)


def in_turns(runs: Mapping[str, Callable[[], Floats]], rounds: int) -> dict[str, Taken]:
    """Time each once a round, in changing order; what is long warms itself."""
    taken = {name: Taken([], []) for name in runs}
    for turn in range(rounds):
        for name in list(runs)[:: -1 if turn % 2 else 1]:
            started, before = time.perf_counter(), time.process_time()
            runs[name]()
            taken[name].seconds.append(time.perf_counter() - started)
            taken[name].processor.append(time.process_time() - before)
    return taken


def measure(
    folder: Path, variant: str, threads: int, texts: Sequence[str], rounds: int
) -> dict[str, Any]:
    """Time one variant on one set of texts, and compare vectors with each text's alone."""
    long = len(texts) == max(COUNTS)
    encoder = open_encoder(folder / "bundle", variant=variant, threads=threads, bulk=long)
    session = OnnxSession(folder / f"{variant}.onnx", threads=1 if long else threads, bulk=long)
    rows = list(map(Row.of, encoder.tokenizer.encode(texts)))
    runs: dict[str, Callable[[], Floats]] = {
        WIDTHS: partial(by_width, encoder, rows, long=long),
        **{str(width): partial(packed, session, rows, width, encoder.workers) for width in ROWS},
    }
    found = {name: run() for name, run in runs.items()}  # a warm-up too
    taken = in_turns(runs, rounds * (1 if long else MORE))
    base = taken[WIDTHS]
    return {
        name: {
            "rate": len(rows) / float(np.median(own.seconds)),
            "ratio": speedup(base.seconds, own.seconds)._asdict(),
            "processor_ratio": speedup(base.processor, own.processor)._asdict(),
            "difference": float(np.abs(found[name] - found[WIDTHS]).max()),
            **{kind: [round(s, 5) for s in spent] for kind, spent in own._asdict().items()},
        }
        for name, own in taken.items()
    }


def shapes(folder: Path, texts: Sequence[str]) -> dict[str, Any]:
    """Count batches, their rows, and what of them is padding."""
    encoder = open_encoder(folder / "bundle")
    rows = list(map(Row.of, encoder.tokenizer.encode(texts)))
    buckets = Buckets()
    full = [buckets.add(index, len(row)) for index, row in enumerate(rows)]
    members = [*filter(None, full), *buckets.rest()]
    masks = [encoder.features([rows[i] for i in batch])["attention_mask"] for batch in members]
    found = {WIDTHS: masks}
    for width in ROWS:
        made = batches(rows, width, TOKEN_BUDGET)
        found[str(width)] = [batch.feeds["attention_mask"] for batch in made]
    return {
        "texts": len(rows),
        "tokens": sum(map(len, rows)),
        "longest": max(map(len, rows)),
        **{name: _shape(masks) for name, masks in found.items()},
    }


def _shape(masks: Sequence[Any]) -> dict[str, Any]:
    rows = [len(mask) for mask in masks]
    return {
        "batches": len(masks),
        "rows": np.percentile(rows, (0, 25, 50, 75, 100)).tolist(),
        "padding": 1 - sum(int((m > 0).sum()) for m in masks) / sum(m.size for m in masks),
    }


def row(name: str, found: Mapping[str, Any]) -> list[str]:
    """Write one line of the table."""
    packed_to = [found[str(width)] for width in ROWS]
    return [
        name,
        f"{found[WIDTHS]['rate']:.0f}",
        *(times(list(own["ratio"].values())) for own in packed_to),
        *(times(list(own["processor_ratio"].values())) for own in packed_to),
        f"{max(own['difference'] for own in packed_to):.1e}",
    ]


def shape_row(name: str, found: Mapping[str, Any]) -> list[str]:
    """Write one line of the table of batches."""
    rows = " / ".join(f"{count:.0f}" for count in found["rows"])
    return [name, f"{found['batches']}", rows, f"{found['padding']:.1%}"]


def render(document: Mapping[str, Any]) -> str:
    """Write the machine's line and both tables."""
    figures = document["figures"]
    shape = figures["shapes"]
    speeds = markdown(COLUMNS, [row(name, own) for name, own in figures["speeds"].items()])
    names = {WIDTHS: "by width", **{str(width): f"packed to {width}" for width in ROWS}}
    batched = markdown(
        (f"{shape['texts']:,} texts, {shape['tokens']:,} tokens", "batches",
         "rows of a batch: least / quartiles / most", "padding"),
        [shape_row(said, shape[name]) for name, said in names.items()],
    )  # fmt: skip
    return f"{shown(document, speeds)}\n\n{batched}"


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--rounds", type=int, default=6)
    arguments = options.parse_args()
    speeds = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        make_bundle(folder)
        bundle = open_bundle(export(checkpoint(), folder / "positions", "--int8", "--position-ids"))
        for variant in PRECISIONS:
            block_diagonal(bundle.model_path(variant), folder / f"{variant}.onnx")
        for count in COUNTS:
            texts = read(arguments.data, count)
            for variant in PRECISIONS:
                for threads in THREADS:
                    name = f"{count:,} texts, {variant}, {threads} thread{'s'[: threads - 1]}"
                    print(name, file=sys.stderr)
                    speeds[name] = measure(folder, variant, threads, texts, arguments.rounds)
        figures = {"speeds": speeds, "shapes": shapes(folder, read(arguments.data, max(COUNTS)))}
    line = f"{machine()}; load {os.getloadavg()[1]:.1f}"
    document = {"machine": line, "figures": figures, "failed": {}}
    print(render(document))
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
