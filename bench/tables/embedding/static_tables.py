"""Static embeddings: texts a second and memory, beside model2vec and sentence-transformers.

    .venv/bin/python bench/tables/embedding/static_tables.py --data DATA [--rounds 5] [--threads 1]
        [--quick] [--json FILE] [--work DIR]

The table is that of all-MiniLM-L6-v2's tokens (30,522 x 384, trained), saved by each library as its
own and normalised behind the mean. Two bundles are exported from these, each with int8. Every
figure is from a fresh process, A B C A B C, that has embedded a few texts before: STS-B dev's
sentences (3,000) and SQuAD dev's paragraphs in one call each, then questions one a call. Ratios are
taken round by round: theirs over ours, median (least-greatest), so above 1 ours is quicker.

The last table says where our own time goes, on one thread and in calls of 20,000 characters, in
which one part runs after the other: each part's share, clocked around the tokenizer, the rows made
of its tokens and onnxruntime.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

import edge_distil as ed
from edge_distil.evaluate.sts import cosines
from tables.embedding.clients import opened, paragraphs, questions, sentences
from tables.shared.figures import add_data, machine, markdown, parser, publish
from tables.shared.minilm import checkpoint
from tables.shared.places import TABLES
from tables.shared.variants import export

MODEL2VEC, SENTENCE_TRANSFORMERS, OURS = "model2vec", "sentence-transformers", "edge-distil"
COLUMNS = ("", "texts/s", "times as fast", "in processor time", "peak MB", "cosine")
QUERIES, FEW, QUICK, AT_ONCE = 200, 4, 200, 20_000
TABLE = "embeddings.word_embeddings.weight"
Corpora = Mapping[str, Sequence[str]]


class Entry(NamedTuple):
    """A library with a checkpoint or a bundle: what `clients.opened` takes."""

    library: str
    model: Path
    variant: str = ""

    @property
    def name(self) -> str:
        """What it is called in tables."""
        of = f" of {self.model.name.removesuffix('-bundle')}" if self.library == OURS else ""
        return f"{self.library}{of} {self.variant}".strip()

    def command(self, _: Path, threads: int) -> list[str | Path]:
        """Return what starts it; see embedders.py."""
        function = {OURS: "edge_distil", SENTENCE_TRANSFORMERS: "sentence_transformers_static"}
        script = TABLES / "embedding" / "embedders.py"
        words = [function.get(self.library, MODEL2VEC), self.model, self.variant, threads, 0, 0]
        return [sys.executable, script, *map(str, words)]


def make_models(work: Path) -> list[Entry]:
    """Save the table by both libraries and export both."""
    from model2vec import StaticModel
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    folders = {name: work / name for name in (MODEL2VEC, SENTENCE_TRANSFORMERS)}
    table = load_file(checkpoint() / "model.safetensors")[TABLE].astype(np.float32)
    tokenizer = Tokenizer.from_file(str(checkpoint() / "tokenizer.json"))
    tokenizer.no_truncation()
    StaticModel(table, tokenizer, normalize=True).save_pretrained(folders[MODEL2VEC])
    modules = [StaticEmbedding(tokenizer, embedding_weights=table), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folders[SENTENCE_TRANSFORMERS]))
    entries = [Entry(name, folder) for name, folder in folders.items()]
    for name, folder in folders.items():
        bundle = export(folder, work / f"{name}-bundle", "--int8")
        entries += [Entry(OURS, bundle, variant) for variant in ("fp32", "int8")]
    return entries


class Bench:
    """Texts on disk, and the entries that embed them.

    Args:
        corpora: Name -> texts.
        queries: Asked one a call.
        folder: Where texts and vectors are kept meanwhile.
        threads: Of every library.
    """

    def __init__(
        self, corpora: Corpora, queries: Sequence[str], folder: Path, threads: int
    ) -> None:
        self.corpora, self._queries = corpora, queries
        self._folder, self._threads = folder, threads
        for name, texts in {**corpora, "few": queries[:FEW]}.items():
            (folder / f"{name}.json").write_text(json.dumps(list(texts)), encoding="utf-8")

    def run(self, entry: Entry) -> dict[str, dict[str, float]]:
        """Embed everything in a fresh process; return seconds, processor seconds and megabytes."""
        with opened(entry, entry.model, self._threads) as embedder:  # type: ignore[arg-type]
            embedder.encode(self._folder / "few.json", self._folder / "few.npy")
            found = {
                name: embedder.encode(self._folder / f"{name}.json", self._file(entry, name))
                for name in self.corpora
            }
            embedder.queries(self._queries[:FEW])
            taken = np.sum(embedder.queries(self._queries), axis=0)
        return {**found, "queries": {"seconds": float(taken[0]), "cpu": float(taken[1])}}

    def vectors(self, entry: Entry, corpus: str) -> Any:
        """Return the vectors of an entry's last run."""
        return np.load(self._file(entry, corpus))

    def _file(self, entry: Entry, corpus: str) -> Path:
        return self._folder / f"{entry.name} {corpus}.npy"


def figures(
    bench: Bench, runs: Mapping[Entry, list[dict[str, Any]]], what: str, count: int
) -> dict[str, Any]:
    """Return each entry's figures on a corpus or on the queries."""
    ours = {entry.model.name: own for entry, own in runs.items() if entry.variant == "fp32"}
    found = {}
    for entry, own in runs.items():
        name = entry.model.name.removesuffix("-bundle")
        base, library = ours[f"{name}-bundle"], next(e for e in runs if e.library == name)
        same = None
        if what in bench.corpora:
            same = float(cosines(bench.vectors(entry, what), bench.vectors(library, what)).min())
        found[entry.name] = {
            "texts_per_second": statistics.median(count / run[what]["seconds"] for run in own),
            "ratio": _ratios(own, base, what, "seconds"),
            "cpu_ratio": _ratios(own, base, what, "cpu"),
            "megabytes": max(run[what].get("megabytes", 0) for run in own) or None,
            "cosine": same,
        }
    return found


def _ratios(theirs: Sequence[Any], ours: Sequence[Any], what: str, figure: str) -> list[float]:
    ratios = [a[what][figure] / b[what][figure] for a, b in zip(theirs, ours, strict=True)]
    return [statistics.median(ratios), min(ratios), max(ratios)]


def row(name: str, found: Mapping[str, Any]) -> list[str]:
    ratios = ("{:.2f} ({:.2f}-{:.2f})".format(*found[key]) for key in ("ratio", "cpu_ratio"))
    memory = "" if found["megabytes"] is None else f"{found['megabytes']:.0f}"
    cosine = "" if found["cosine"] is None else f"{found['cosine']:.6f}"
    return [name, f"{found['texts_per_second']:,.0f}", *ratios, memory, cosine]


def stages(entry: Entry, texts: Sequence[str]) -> dict[str, float]:
    """Return the share of each part of a call on one thread."""
    task = ed.Embedding.load(entry.model, variant=entry.variant, threads=1)
    taken: Counter[str] = Counter()
    tokenizer, session = task.encoder.tokenizer, task.encoder.session
    tokenizer.encode = _clocked(tokenizer.encode, taken, "tokenizer")  # type: ignore[method-assign]
    session.run = _clocked(session.run, taken, "onnxruntime")  # type: ignore[method-assign]
    task._row = _clocked(task._row, taken, "rows of its tokens")  # type: ignore[method-assign]
    task.encode(texts[:FEW])
    ends = np.cumsum([len(text) for text in texts]) // AT_ONCE
    calls = [[text for text, end in zip(texts, ends, strict=True) if end == number]
             for number in sorted(set(ends))]  # fmt: skip
    taken.clear()
    started = time.perf_counter()
    for call in calls:
        task.encode(call)
    whole = time.perf_counter() - started
    shares = {name: seconds / whole for name, seconds in taken.items()}
    return {**shares, "batches, arrays and the rest": 1 - sum(shares.values())}


def _clocked(call: Callable[..., Any], taken: Counter[str], name: str) -> Callable[..., Any]:
    def clocked(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return call(*args, **options)
        finally:
            taken[name] += time.perf_counter() - started  # type: ignore[assignment]

    return clocked


def shown(found: Mapping[str, Any]) -> str:
    """Write all tables, each under its name."""
    parts = dict(found)
    own = parts.pop("stages")
    shares = [[name, *(f"{part:.0%}" for part in taken.values())] for name, taken in own.items()]
    tables = {what: markdown(COLUMNS, [row(*one) for one in made.items()])
              for what, made in parts.items()}  # fmt: skip
    tables["stages"] = markdown(["share of a call", *next(iter(own.values()))], shares)
    return "\n\n".join(f"{name}:\n\n{table}" for name, table in tables.items())


def measure(
    entries: Sequence[Entry], corpora: Corpora, queries: Sequence[str], rounds: int, threads: int
) -> dict[str, Any]:
    """Take turns, and clock the parts of our own."""
    counts = {**{name: len(texts) for name, texts in corpora.items()}, "queries": len(queries)}
    runs: dict[Entry, list[dict[str, Any]]] = {entry: [] for entry in entries}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(corpora, queries, Path(folder), threads)
        for count in range(rounds):
            for entry, own in runs.items():
                own.append(bench.run(entry))
                print(f"round {count + 1}: {entry.name} {own[-1]}", file=sys.stderr)
        found = {what: figures(bench, runs, what, count) for what, count in counts.items()}
    ours = [(entry, name) for entry in entries if entry.library == OURS for name in corpora]
    shares = {f"{entry.name}, {name}": stages(entry, corpora[name]) for entry, name in ours}
    return {**found, "stages": shares}


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--quick", action="store_true", help="few texts, two rounds")
    given = options.parse_args()
    most, rounds = (QUICK, 2) if given.quick else (None, given.rounds)
    corpora = {"sentences": sentences(given.data), "paragraphs": paragraphs(given.data)}
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        found = measure(
            make_models(work),
            {name: texts[:most] for name, texts in corpora.items()},
            questions(given.data)[:QUERIES],
            rounds,
            given.threads,
        )
    publish(f"{machine()}; {given.threads} threads", shown(found), found, given.json)


if __name__ == "__main__":
    main()
