"""Search over the documentation of what is installed here: build, queries, recall, size.

    .venv/bin/python bench/tables/embedding/search.py --bundle minilm [--variant int8]
        [--vectors 100000]
    .venv/bin/python bench/tables/embedding/search.py --bundle minilm --qa qa
        --svg apps/reports/search.svg

The texts are the descriptions (METADATA), .md, .rst and .txt files of the packages beside this
Python, but no licences, lists and inputs of tests.
Queries are the first words of passages drawn at random. Recall is against the exact order of
float32 vectors made again. The second table is of vectors alone: the real ones and neighbours of
them, as many as --vectors says, each at about 0.8 cosine from the one it was made from.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from edge_distil.tasks import Embedding, QuestionAnswering
from edge_distil_apps.search import answer, build, open_index
from edge_distil_apps.search.build import embedded_text
from edge_distil_apps.search.folder import ENDINGS, Source
from edge_distil_apps.search.passages import Passage
from edge_distil_apps.search.store import Store
from edge_distil_apps.search.vectors import open_vectors, write_graph
from edge_distil_apps.search.view import Page
from tables.shared import figures

QUERIES = 250
WORDS = 12  # of a passage, as a query
K = 10
COMMANDS = 7  # whole processes timed
NOISE = 0.75  # length of what is added to a vector of length 1: cosine 1 / sqrt(1 + 0.75^2) = 0.8
NO_TEXT = (
    "licen", "copying", "notice", "top_level", "entry_points", "/tests/", "/testing/", "vocab",
    "/ray/dashboard/",
)  # fmt: skip
EQUAL = 1e-6  # cosine: the same text stands in several files
SVG_QUERY = "Where does tqdm print the progress bar by default?"
SVG_COLUMNS = 100
SVG_HITS = 4

Vectors = NDArray[np.float32]


def gather(folder: Path) -> None:
    """Copy the documentation of the installed packages to `folder`."""
    packages = Path(sysconfig.get_path("purelib"))
    files = [p for p in sorted(packages.rglob("*")) if p.suffix in ENDINGS and _tells(p)]
    folder.mkdir(parents=True, exist_ok=True)
    for file in [*files, *sorted(packages.glob("*.dist-info/METADATA"))]:
        if file.is_file():
            name = "-".join(file.relative_to(packages).parts)
            if not file.suffix:  # tqdm-4.70.1.dist-info/METADATA
                name = name.replace(".dist-info-METADATA", ".md")
            (folder / name).write_bytes(file.read_bytes())


def _tells(file: Path) -> bool:
    """Return whether a file is text that somebody wrote to be read."""
    return not any(part in file.as_posix().lower() for part in NO_TEXT)


def seconds(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def milliseconds(run: Callable[[Any], Any], items: Sequence[Any]) -> float:
    """Return the median over the items."""
    return 1e3 * statistics.median(seconds(lambda item=item: run(item)) for item in items)


def megabytes(folder: Path) -> float:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e6


def recall(found: Sequence[Sequence[int]], vectors: Vectors, queries: Vectors) -> float:
    """Return the share of the true `K` nearest that was found; equal vectors count as one."""
    scores = queries @ vectors.T  # (queries, vectors)
    tenth = np.sort(scores, axis=1)[:, -K]
    near = [
        score[row] >= least - EQUAL for score, row, least in zip(scores, found, tenth, strict=True)
    ]
    return float(np.mean(near))


def measure_folder(bundle: Path, variant: str | None, work: Path) -> dict[str, float]:
    """Build an index of the documentation and query it."""
    docs, index = work / "docs", work / "index"
    gather(docs)
    shutil.rmtree(index, ignore_errors=True)
    result = {"text MB": megabytes(docs)}
    result["build s"] = seconds(lambda: build(docs, index, bundle=bundle, variant=variant))
    result["build again, nothing changed, s"] = seconds(lambda: build(docs, index))
    result["index MB"] = megabytes(index)
    with closing(Store(index)) as store:
        passages = [store.passage(int(number)).passage for number in store.ids()]
    result["passages"] = len(passages)
    task = Embedding.load(bundle, variant=variant)
    texts = [embedded_text(passage) for passage in passages]
    vectors = task.encode(texts, normalize_embeddings=True)
    drawn = random.Random(0).sample(passages, QUERIES)
    queries = [" ".join(passage.text.split()[:WORDS]) for passage in drawn]
    embedded = np.stack([task.encode(q, normalize_embeddings=True) for q in queries])
    numbers = {(p.text, p.heading): i for i, p in enumerate(passages)}
    with open_index(index) as opened:
        opened.search("warm")
        result["query p50 ms"] = milliseconds(opened.search, queries)
        pairs = list(zip(queries, embedded, strict=True))
        result["query without encoder p50 ms"] = milliseconds(lambda p: opened.find(*p), pairs)
        hits = [opened.find(q, v, K, "vector") for q, v in pairs]
    result["command p50 s"] = statistics.median(
        seconds(lambda query=query: command(index, query)) for query in queries[:COMMANDS]
    )
    found = [[numbers[hit.text, hit.heading] for hit in row] for row in hits]
    result[f"recall@{K}"] = recall(found, vectors, embedded)
    np.savez(work / "vectors.npz", vectors=vectors, queries=embedded)
    return result


def command(index: Path, query: str) -> None:
    """Search as a user does, in a process of its own."""
    line = [sys.executable, "-P", "-m", "edge_distil_apps.cli", "search", index, f" {query}"]
    subprocess.run(line, check=True, capture_output=True)


def measure_vectors(work: Path, count: int, more_than: int) -> dict[str, float]:
    """Query `count` vectors, by the graph if they are `more_than` so many."""
    real = np.load(work / "vectors.npz")
    noise = np.random.default_rng(0)
    vectors = real["vectors"][np.arange(count) % len(real["vectors"])]
    added = noise.standard_normal(vectors.shape, np.float32)
    vectors = vectors + NOISE * added / np.linalg.norm(added, axis=1, keepdims=True)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = work / f"vectors-{more_than}"
    shutil.rmtree(index, ignore_errors=True)
    index.mkdir()
    with closing(Store(index, create={"dimension": vectors.shape[1]})) as store:
        with store.transaction(write=True):
            store.add(Source("all", 0, 0), "", [Passage("", "", 1, 1)] * count, vectors)
        built = seconds(lambda: write_graph(store, index, more_than=more_than))
        with store.transaction():
            opened = [None]
            opening = seconds(lambda: opened.__setitem__(0, open_vectors(store, index)))
            search = opened[0].search
        found = [search(query, 100)[:K] - 1 for query in real["queries"]]
        return {
            "graph built in s": built,
            "graph MB": sum(f.stat().st_size for f in index.glob("*.usearch")) / 1e6,
            "open ms": 1e3 * opening,
            "query p50 ms": milliseconds(lambda query: search(query, 100), real["queries"]),
            f"recall@{K}": recall(found, vectors, real["queries"]),
        }


def picture(bundle: Path, variant: str | None, qa: Path, work: Path, file: Path) -> None:
    """Draw a search as a terminal shows it."""
    gather(work / "docs")
    build(work / "docs", work / "index", bundle=bundle, variant=variant)
    with open_index(work / "index") as index:
        hits = index.search(SVG_QUERY, SVG_HITS)
    found = answer(QuestionAnswering.load(qa), SVG_QUERY, hits)
    with (work / "terminal").open("w") as terminal:
        console = Console(record=True, width=SVG_COLUMNS, file=terminal, force_terminal=True)
        console.print(Page(hits, Path("/docs"), found))
    console.save_svg(
        str(file), title=f'edge-distil search docs.index "{SVG_QUERY}" --answer --qa qa'
    )


def main() -> None:
    parser = figures.parser(__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--variant")
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--qa", type=Path)
    options: argparse.Namespace = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        if options.svg:
            picture(options.bundle, options.variant, options.qa, work, options.svg)
            return
        table = {"documentation": measure_folder(options.bundle, options.variant, work)}
        for name, more_than in (("exact", options.vectors), ("graph", 0)):
            name = f"{options.vectors:,} vectors, {name}"
            table[name] = measure_vectors(work, options.vectors, more_than)
    rows = [[f"{n}: {k}", f"{v:,.3f}"] for n, row in table.items() for k, v in row.items()]
    figures.publish(
        figures.machine(), figures.markdown(["what", "figure"], rows), table, options.json
    )


if __name__ == "__main__":
    main()
