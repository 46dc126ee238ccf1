"""Does a text's output depend on what shares its batch? Ours and named peers, all-MiniLM-L6-v2.

    .venv/bin/python bench/tables/int8/batch_invariance.py --data DATA [--texts 500] [--json FILE]
        [--work DIR]

Sentences of STS-B dev run alone, without padding; then in batches of 16 and 32, sorted by length
and shuffled; then alone but padded to 64 and 128 tokens. Shown is the greatest absolute
difference of a number of a sentence vector (they have length 1) to that of the text alone; then
the same of the token vectors over all arrangements, and the least cosine of a text's vector to
its own vector alone. The files are those of bench/tables/int8/fidelity.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import open_bundle
from edge_distil.evaluate.sts import cosines, read_pairs
from edge_distil.session import OnnxSession
from tables.shared.figures import add_data, machine, markdown, parser, publish, shown
from tables.shared.minilm import PACKAGES, embed, make_files

SEED = 2018
BATCHES = (16, 32)
PADDED = (64, 128)  # tokens


class Arrangement(NamedTuple):
    """Which texts share a batch, and the least length that each batch is padded to."""

    name: str
    batches: list[list[int]]
    length: int = 0


class Outputs(NamedTuple):
    """What one file gives, text by text: ``(texts, dimension)`` and ``(tokens, hidden)`` each."""

    vectors: NDArray[np.float32]
    tokens: list[NDArray[np.float32]]


def arrangements(lengths: Sequence[int]) -> Iterator[Arrangement]:
    """Yield the text alone first: the others are compared with it."""
    alone = [[index] for index in range(len(lengths))]
    yield Arrangement("alone", alone)
    orders = {
        "sorted": sorted(range(len(lengths)), key=lambda index: lengths[index]),
        "shuffled": np.random.default_rng(SEED).permutation(len(lengths)).tolist(),
    }
    for name, order in orders.items():
        for size in BATCHES:
            parts = [order[at : at + size] for at in range(0, len(order), size)]
            yield Arrangement(f"{name}, {size}", parts)
    for length in PADDED:
        yield Arrangement(f"padded to {length}", alone, length)


def outputs(
    session: OnnxSession, encodings: Sequence[Encoding], pad_id: int, arrangement: Arrangement
) -> Outputs:
    """Run every text in its batch; padding is cut off the token vectors."""
    vectors: dict[int, NDArray[np.float32]] = {}
    tokens: dict[int, NDArray[np.float32]] = {}
    for batch in arrangement.batches:
        feeds = collate([encodings[index] for index in batch], pad_id)
        missing = max(0, arrangement.length - feeds["input_ids"].shape[1])
        fill = {"input_ids": pad_id}
        feeds = {
            name: np.pad(ids, ((0, 0), (0, missing)), constant_values=fill.get(name, 0))
            for name, ids in feeds.items()
        }
        given = session.run(feeds)
        states = given[session.outputs[0]]  # (batch, sequence, hidden)
        for row, (index, vector) in enumerate(
            zip(batch, embed(given, feeds["attention_mask"]), strict=True)
        ):
            vectors[index] = vector
            tokens[index] = states[row, : len(encodings[index])]
    order = range(len(encodings))
    return Outputs(np.stack([vectors[i] for i in order]), [tokens[i] for i in order])


def compare(
    session: OnnxSession, encodings: Sequence[Encoding], pad_id: int
) -> dict[str, float | dict[str, float]]:
    """Compare one file with itself over all arrangements."""
    whole, *others = arrangements([len(encoding) for encoding in encodings])
    alone = outputs(session, encodings, pad_id, whole)
    differences, tokens, least = {}, 0.0, 1.0
    for arrangement in others:
        own = outputs(session, encodings, pad_id, arrangement)
        differences[arrangement.name] = float(np.abs(own.vectors - alone.vectors).max())
        pairs = zip(own.tokens, alone.tokens, strict=True)
        tokens = max(tokens, *(float(np.abs(a - b).max()) for a, b in pairs))
        least = min(least, float(cosines(own.vectors, alone.vectors).min()))
    return {"differences": differences, "token_difference": tokens, "least_cosine": least}


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--texts", type=int, default=500)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        files, failed = make_files(folder, arguments.data)
        bundle = open_bundle(folder / "bundle")
        tokenizer = Tokenizer(bundle.path, bundle.manifest.max_length)
        pairs = read_pairs(arguments.data / "stsb" / "stsb-en-dev.csv")
        texts = list(dict.fromkeys(pair.first for pair in pairs))[: arguments.texts]
        encodings = tokenizer.encode(texts)
        figures = {
            name: compare(OnnxSession(file, threads=1), encodings, tokenizer.pad_id)
            for name, file in files.items()
        }
    publish(machine(PACKAGES), table(figures), figures, arguments.json, failed)


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def table(figures: Mapping[str, Any]) -> str:
    names = list(next(iter(figures.values()))["differences"])
    rows = [
        [
            name,
            *(f"{value:.1e}" for value in own["differences"].values()),
            f"{own['token_difference']:.1e}",
            f"{own['least_cosine']:.5f}",
        ]
        for name, own in figures.items()
    ]
    return markdown(["file", *names, "token vectors", "least cosine"], rows)


if __name__ == "__main__":
    main()
