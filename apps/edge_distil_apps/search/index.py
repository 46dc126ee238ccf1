"""Queries: the best passages by meaning, by words, or by both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from edge_distil._writing import storage
from edge_distil.errors import InputError
from edge_distil.pooling import Floats
from edge_distil.rows import broken_character
from edge_distil.sparse import SparseVector
from edge_distil_apps.search.fusion import fuse
from edge_distil_apps.search.model import Model
from edge_distil_apps.search.store import UNFINISHED, Store
from edge_distil_apps.search.vectors import Vectors, open_vectors

Mode = Literal["hybrid", "vector", "words"]
MODES: tuple[Mode, ...] = get_args(Mode)
_CANDIDATES = 100  # of each ranking, from which the best are fused


class Hit(NamedTuple):
    """A passage that was found.

    Attributes:
        file: Its path inside the folder that was indexed.
        start: Its first line.
        end: Its last line.
        heading: The headings above it, joined with " > ".
        text: As it stands in the file.
        marked: The same with `words.MARKS` around the query's words.
        score: The sum of reciprocal ranks, at most 1/61 a ranking.
        similarity: Cosine of its vector and the query's, of sparse ones the product; ``None``
            where words alone were asked.
        vector_rank: Its place by meaning, from 1; ``None`` if it is not among the candidates.
        words_rank: Its place by words, likewise.
        relevance: The score of what put it in order, see `rerank`; ``None`` where none was asked.
    """

    file: str
    start: int
    end: int
    heading: str
    text: str
    marked: str
    score: float
    similarity: float | None
    vector_rank: int | None
    words_rank: int | None
    relevance: float | None = None


class Index:
    """An opened index; see `open_index`."""

    def __init__(self, store: Store, place: Path, bundle: Path | None, threads: int | None) -> None:
        self._store = store
        self._place = place
        self._bundle = bundle
        self._threads = threads
        self._model: Model | None = None
        self._vectors: Vectors | None = None
        self.folder = Path(store.get("folder"))

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its database."""
        self._store.close()

    @property
    def unfinished(self) -> bool:
        """Whether its build runs or was interrupted: it holds some files and not others."""
        return bool(self._store.get(UNFINISHED))

    def search(self, query: str, k: int = 10, mode: Mode = "hybrid") -> list[Hit]:
        """Return the `k` best passages, the best first.

        Args:
            query: A question or words, in no special syntax.
            k: How many.
            mode: By ``"vector"``, by ``"words"`` (bm25), or ``"hybrid"``: both rankings fused.

        Raises:
            InputError: An empty query, a `k` below 1, or an unknown mode.
            BundleError: The bundle that the index was built with is gone or damaged.
        """
        if not query.strip():
            raise InputError(f"the query is {query!r}, expected some words")
        if wrong := broken_character(query):
            raise InputError(f"the query {wrong}: give it as UTF-8 text")
        if k < 1:
            raise InputError(f"k is {k}, expected 1 or more")
        if mode not in MODES:
            raise InputError(f"the mode is {mode!r}, expected one of {', '.join(MODES)}")
        vector = None if mode == "words" else self.model.embed_query(query)
        return self.find(query, vector, k, mode)

    def find(
        self,
        query: str,
        vector: Floats | SparseVector | None,
        k: int = 10,
        mode: Mode = "hybrid",
    ) -> list[Hit]:
        """Return the `k` best passages for a query whose vector is known."""
        with self._store.transaction():
            by_vector = [] if vector is None else self._nearest(vector, max(k, _CANDIDATES))
            words = self._store.words(query)
            by_words = [] if mode == "vector" else words.search(max(k, _CANDIDATES))
            return [
                self._hit(number, score, vector, words.marked(number), (by_vector, by_words))
                for number, score in fuse((by_vector, by_words))[:k]
            ]

    def since(self, file: str) -> str | None:
        """Return what became of a file since it was indexed: ``"deleted"``, ``"changed"``, or not.

        Its passages are shown as they were; their lines are no longer those of the file.
        """
        known = self._store.file(file)
        path = self.folder / file
        try:
            now = path.stat()
            if known is None or (now.st_size, now.st_mtime_ns) == known[0][1:]:
                return None
            return None if storage.sha256(path) == known[1] else "changed"
        except (FileNotFoundError, NotADirectoryError):
            return "deleted"
        except OSError:  # it is there, and may not be read
            return None

    @property
    def model(self) -> Model:
        """The bundle of the index, opened when it is first needed."""
        if self._model is None:
            self._model = Model(
                self._store.get("bundle"),
                index=self._place,
                path=self._bundle,
                threads=self._threads,
            )
        return self._model

    def _nearest(self, vector: Floats | SparseVector, count: int) -> list[int]:
        if isinstance(vector, SparseVector):
            return self._store.postings.search(vector, count)
        if self._vectors is None or self._vectors.generation != self._store.generation:
            self._vectors = open_vectors(self._store, self._place)
        return [int(number) for number in self._vectors.search(vector, count)]

    def _similarity(self, number: int, vector: Floats | SparseVector) -> float:
        if isinstance(vector, SparseVector):
            return self._store.postings.similarity(number, vector)
        return float(self._store.vectors([number])[0] @ vector)

    def _hit(
        self,
        number: int,
        score: float,
        vector: Floats | SparseVector | None,
        marked: str | None,
        rankings: tuple[Sequence[int], Sequence[int]],
    ) -> Hit:
        _, file, passage = self._store.passage(number)
        similarity = None if vector is None else self._similarity(number, vector)
        places = [r.index(number) + 1 if number in r else None for r in rankings]
        return Hit(
            file=file,
            start=passage.start,
            end=passage.end,
            heading=passage.heading,
            text=passage.text,
            marked=marked or passage.text,
            score=score,
            similarity=similarity,
            vector_rank=places[0],
            words_rank=places[1],
        )


def open_index(
    index: str | Path, *, bundle: str | Path | None = None, threads: int | None = None
) -> Index:
    """Open an index for queries.

    Args:
        index: Its directory.
        bundle: Where its embedding bundle is now, if that was moved.
        threads: Of the runtime.

    Raises:
        InputError: There is no index, or one of another version.
    """
    place = Path(index)
    return Index(Store(place), place, Path(bundle) if bundle else None, threads)
