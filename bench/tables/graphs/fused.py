"""The fused form of a variant beside the variant: one text's time, and bulk embedding's.

    .venv/bin/python bench/tables/graphs/fused.py --data DATA [--rounds 40] [--json FILE]

One text: the embedded checkpoint (MiniLM-L6, 384 wide) and DistilBERT-base with seeded random
weights, both for question answering; batch 1, one thread on one core, sessions in turns in one
process (`edge_distil_bench.alternate`). Bulk: ``encode`` of all-MiniLM-L6-v2 in int8, on one thread
and on two, of 48 paragraphs and questions of SQuAD dev, shuffled, and of 200 sentences of STS-B
dev. A figure is the fused form's time over the variant's, the median of the ratios within the
rounds and its 95 % interval.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import edge_distil as ed
from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import FUSED, FUSIBLE, Bundle, open_bundle
from edge_distil.session import OnnxSession
from edge_distil_bench import alternate, speedup
from edge_distil_quantize import fuse_variant
from tables.embedding.clients import make_bundle, mixed, sentences
from tables.shared.distilbert import make_checkpoint
from tables.shared.figures import add_data, machine, markdown, parser, pin, publish, shown
from tables.shared.places import EMBEDDED
from tables.shared.variants import export

MODELS = {"MiniLM": EMBEDDED, "DistilBERT": None}
LENGTHS = (12, 32, 128, 384)
THREADS = (1, 2)
_TEXTS = {"mixed": 48, "sentences": 200}
_FEWER = 4  # a round of bulk embedding is as long as so many of one text


def one_text(folder: Path, rounds: int) -> dict[str, Any]:
    """Return for each variant and model the ratio at each length."""
    found: dict[str, Any] = {variant: {} for variant in FUSIBLE}
    for name, checkpoint in MODELS.items():
        path = export(checkpoint or make_checkpoint(folder / "checkpoint"), folder / name, "--int8")
        opened = _fused(path)
        tokenizer = Tokenizer(opened.path, opened.manifest.max_length)
        for variant in FUSIBLE:
            sessions = {v: OnnxSession(opened.model_path(v), threads=1) for v in _both(variant)}
            for length in LENGTHS:
                given = collate(tokenizer.encode(["word " * length], length), tokenizer.pad_id)
                runs = {v: partial(session.run, given) for v, session in sessions.items()}
                found[variant][f"{name}, {length}"] = _ratio(runs, variant, rounds)
    return found


def bulk(folder: Path, data: Path, rounds: int) -> dict[str, Any]:
    """Return the ratio for each corpus and number of threads."""
    path = _fused(make_bundle(folder)).path
    texts = {
        "mixed": mixed(data)[: _TEXTS["mixed"]],
        "sentences": sentences(data)[: _TEXTS["sentences"]],
    }
    found = {}
    for threads in THREADS:
        loaded = {
            v: ed.Embedding.load_for_bulk(path, variant=v, threads=threads) for v in _both("int8")
        }
        for corpus, given in texts.items():
            runs = {v: partial(task.encode, given) for v, task in loaded.items()}
            found[f"{corpus}, {threads}"] = _ratio(runs, "int8", max(rounds // _FEWER, 6))
    return found


def _fused(path: Path) -> Bundle:
    opened = open_bundle(path)
    for variant in FUSIBLE:
        if f"{variant}{FUSED}" not in opened.manifest.variants:
            opened = fuse_variant(opened, variant)
    return opened


def _both(variant: str) -> Sequence[str]:
    return variant, f"{variant}{FUSED}"


def _ratio(runs: Mapping[str, Any], variant: str, rounds: int) -> Sequence[float]:
    taken = alternate(runs, rounds=rounds)
    return speedup(taken[f"{variant}{FUSED}"], taken[variant])


def table(figures: Mapping[str, Any]) -> str:
    columns = ["", *figures["one_text"]["int8"]]
    rows = [
        [f"{variant}{FUSED}", *map(_cell, own.values())]
        for variant, own in figures["one_text"].items()
    ]
    bulk_rows = [["int8-fused, bulk", *map(_cell, figures["bulk"].values())]]
    return "\n\n".join([markdown(columns, rows), markdown(["", *figures["bulk"]], bulk_rows)])


def _cell(ratio: Sequence[float]) -> str:
    return "{:.2f} ({:.2f}-{:.2f})".format(*ratio)


def render(document: Mapping[str, Any]) -> str:
    """Write what the script printed, from its JSON."""
    return shown(document, table(document["figures"]))


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--rounds", type=int, default=40)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        found = {"bulk": bulk(folder, arguments.data, arguments.rounds)}
        pin()  # one core, for one text
        found["one_text"] = one_text(folder, arguments.rounds)
    publish(machine(), table(found), found, arguments.json)


if __name__ == "__main__":
    main()
