"""The embedding bundle of an index: recorded when it is built, the same one for each query.

It embeds in dense vectors or in sparse ones (SPLADE).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_distil._writing import storage
from edge_distil.bundle import open_bundle
from edge_distil.errors import BundleNotFound, InputError
from edge_distil.pooling import Floats
from edge_distil.sparse import SparseVector, SparseVectors
from edge_distil.tasks import Embedding, SparseEmbedding, prompts

_PRODUCTS = ("dot", "cosine")


class Model:
    """Embeds passages and queries as their bundle says.

    Dense vectors have length 1; sparse ones too, where their checkpoint compares by cosines.

    Args:
        record: What `record` was when the index was built; of a new index, the bundle's path and
            variant (``None``: the usual one).
        path: The bundle, where it is not found by what is recorded.
        index: The index. One that was moved together with its bundle finds it by the way that led
            there from it.
        threads: Of the runtime.
        bulk: Open it for many passages, not for single queries.

    Attributes:
        record: The bundle's path, the way to it from the index, the variant, and the model's
            sha256.

    Raises:
        BundleNotFound: The bundle is gone.
        InputError: It is another one, or its sparse vectors are compared by distances.
        TaskError: It embeds nothing.
    """

    def __init__(
        self,
        record: dict[str, Any],
        *,
        index: Path,
        path: Path | None = None,
        threads: int | None = None,
        bulk: bool = False,
    ) -> None:
        known = record.get("sha256")
        place = path or (_find(record, index) if known else Path(record["path"]))
        self._task = _open(place, record["variant"], threads, bulk)
        variant = self._task.variant
        found = _digest(self._task)
        if known and known != found:
            raise InputError(
                f"{place} ({variant}) is not the bundle that the index was built with (sha256 "
                f"{found[:12]}…, expected {known[:12]}…): give that one with --bundle, or build "
                "another index"
            )
        self.record = {
            "path": str(place.resolve()),
            "beside": _way(index.resolve(), place.resolve()),
            "variant": variant,
            "sha256": found,
        }

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        if isinstance(self._task, SparseEmbedding):
            return self._task.dimension
        return len(self._task.encode("dimension"))

    def embed_passages(self, texts: Sequence[str]) -> Floats | SparseVectors:
        """Return vectors ``(n, dimension)``, or sparse ones."""
        return self._encode(list(texts), prompts.PASSAGE)

    def embed_query(self, query: str) -> Floats | SparseVector:
        """Return a vector ``(dimension,)``, or a sparse one."""
        vector: Floats | SparseVector = self._encode([query], prompts.QUERY)[0]
        return vector

    def _encode(self, texts: list[str], names: Sequence[str]) -> Floats | SparseVectors:
        task = self._task
        name = prompts.saved(task.bundle.manifest.pooling, names)
        if isinstance(task, Embedding):
            return task.encode(texts, prompt_name=name, normalize_embeddings=True)
        vectors = task.encode(texts, prompt_name=name)
        return vectors.normalized() if task.similarity_fn_name == "cosine" else vectors


def _open(
    place: Path, variant: str | None, threads: int | None, bulk: bool
) -> Embedding | SparseEmbedding:
    bundle = open_bundle(place)
    bundle.require_task(*Embedding.names, *SparseEmbedding.names)
    if bundle.manifest.task in SparseEmbedding.names:
        task = SparseEmbedding.load(place, variant=variant, threads=threads)
        if task.similarity_fn_name not in _PRODUCTS:
            raise InputError(
                f"{place} compares its sparse vectors by {task.similarity_fn_name}, expected "
                f"{' or '.join(_PRODUCTS)} for an index: choose another bundle"
            )
        return task
    load = Embedding.load_for_bulk if bulk else Embedding.load
    return load(place, variant=variant, threads=threads)


def _find(record: dict[str, Any], index: Path) -> Path:
    """Return where the bundle of an index is.

    Raises:
        BundleNotFound: It is at none of the recorded places.
    """
    places = [Path(record["path"])]
    if record.get("beside"):  # an index of an older release has none
        places.append((index.resolve() / record["beside"]).resolve())
    for place in places:
        if place.is_dir():
            return place
    raise BundleNotFound(
        f"the index was built with the bundle {places[0]}, which is gone"
        + (f" and is not at {places[1]} either" if places[1:] and places[1] != places[0] else "")
        + ": say where it is now with --bundle DIR"
    )


def _way(index: Path, bundle: Path) -> str | None:
    """Return the bundle's path from the index; ``None`` on another drive (of Windows)."""
    try:
        return Path(os.path.relpath(bundle, index)).as_posix()
    except ValueError:
        return None


def _digest(task: Embedding | SparseEmbedding) -> str:
    """Return the sha256 of the model that runs; a plain hub directory has none recorded."""
    record = task.bundle.variant(task.variant)[1].file
    return record.sha256 or storage.sha256(task.bundle.path / record.path)
