"""The vectors of an index: exact up to some size, then usearch's graph.

============  =======================================  ==========================================
passages      how                                      measured (384 dimensions, 2 busy cores)
============  =======================================  ==========================================
to 20,000     numpy over the database's vectors        20,000: read 49 ms, a query 1.4 ms; importing
                                                       usearch alone takes 60 ms
more          HNSW (usearch), mapped from its file     100,000: open 11 ms, a query 1 to 3 ms
                                                       against 270 ms and 17 ms exactly
============  =======================================  ==========================================

Why usearch and not sqlite-vec: sqlite-vec 0.1 compares with every vector, as numpy does, so it
would gain nothing here; and it is a loadable extension, which many builds of Python refuse
(``sqlite3.Connection`` has no ``enable_load_extension``). usearch has wheels for every system, maps
its file into memory and keeps vectors of 16 bits.

The graph is only a copy: its file is named for the generation of the database that it holds. Where
that is another one (a build that runs or was killed) search is exact, until the next build.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil._writing.storage import atomic_file
from edge_distil.pooling import Floats
from edge_distil_apps.search.store import Store

EXACT_UP_TO = 20_000  # passages
_NEIGHBOURS = 16  # of a vector in the graph
_TRIED_ADDING = 128  # candidates when a vector is added
_TRIED_SEARCHING = 256  # candidates when one is searched
_REBUILD = 0.1  # share of removed vectors; a graph with many holes finds less

Search = Callable[[Floats, int], NDArray[np.int64]]


class Vectors(NamedTuple):
    """The vectors of one generation.

    Attributes:
        generation: Of the database.
        search: Returns the ids of the vectors nearest to one ``(dimension,)``, the nearest first.
        exact: Whether it compares with every vector.
    """

    generation: int
    search: Search
    exact: bool


def open_vectors(store: Store, folder: Path) -> Vectors:
    """Open the vectors of the database's present generation, inside a transaction."""
    generation = store.generation
    path = _path(folder, generation)
    if path.is_file():
        return Vectors(generation, _graph_search(path), exact=False)
    return Vectors(generation, _exact_search(store), exact=True)


def write_graph(store: Store, folder: Path, *, more_than: int = EXACT_UP_TO) -> None:
    """Bring the graph up to the database's present generation, where one is worth having.

    Args:
        store: The database.
        folder: The index.
        more_than: The number of passages up to which there is none.

    Raises:
        StorageError: It cannot be written.
    """
    for part in folder.glob(".vectors-*.part"):  # of a killed build; the lock keeps others out
        part.unlink()
    with store.transaction():
        generation, ids = store.generation, store.ids()
        path = _path(folder, generation)
        olds = set(_graphs(folder)) - {path}
        if len(ids) > more_than and not path.is_file():
            graph = _updated(_newest(olds), store, ids)
            with atomic_file(path) as temporary:
                graph.save(str(temporary))
    for old in olds:
        with suppress(OSError):  # another process may have it open, where that forbids removal
            old.unlink()


def _exact_search(store: Store) -> Search:
    ids, matrix = store.ids(), store.vectors().astype(np.float32)

    def search(query: Floats, count: int) -> NDArray[np.int64]:
        scores = matrix @ query  # (n,)
        count = min(count, len(scores))
        best = np.argpartition(-scores, count - 1)[:count] if count else np.empty(0, np.int64)
        return ids[best[np.lexsort((ids[best], -scores[best]))]]

    return search


def _graph_search(path: Path) -> Search:
    from usearch.index import Index

    graph = Index.restore(str(path), view=True)
    graph.expansion_search = _TRIED_SEARCHING

    def search(query: Floats, count: int) -> NDArray[np.int64]:
        keys: NDArray[np.uint64] = graph.search(query.astype(np.float16), count).keys
        return keys.astype(np.int64)

    return search


def _updated(old: Path | None, store: Store, ids: NDArray[np.int64]) -> Any:
    """Return a graph of `ids`: what the old one lacks added, what is gone removed."""
    from usearch.index import Index

    graph = Index.restore(str(old)) if old else None
    known = np.sort(np.asarray(graph.keys).astype(np.int64)) if graph else np.empty(0, np.int64)
    gone = np.setdiff1d(known, ids)
    if graph is None or len(gone) > _REBUILD * len(known):
        graph, known, gone = _new_graph(store), known[:0], gone[:0]
    if len(gone):
        graph.remove(gone.astype(np.uint64))
    new = np.setdiff1d(ids, known)
    if len(new):
        # Added by several threads at once, some vectors end up where no search reaches them.
        graph.add(new.astype(np.uint64), store.vectors(new), threads=1)
    return graph


def _new_graph(store: Store) -> Any:
    from usearch.index import Index

    return Index(
        ndim=int(store.get("dimension")),
        metric="ip",  # vectors have length 1
        dtype="f16",
        connectivity=_NEIGHBOURS,
        expansion_add=_TRIED_ADDING,
    )


def _path(folder: Path, generation: int) -> Path:
    return folder / f"vectors-{generation}.usearch"


def _graphs(folder: Path) -> list[Path]:
    return list(folder.glob("vectors-*.usearch"))


def _newest(paths: set[Path]) -> Path | None:
    return max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)
