"""The embedding bundle of an index: recorded when it is built, the same one for each query."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_distil._writing import storage
from edge_distil.errors import BundleNotFound, InputError
from edge_distil.pooling import Floats
from edge_distil.tasks import Embedding, prompts


class Model:
    """Embeds passages and queries as their bundle says, as vectors of length 1.

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
        InputError: It is another one.
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
        load = Embedding.load_for_bulk if bulk else Embedding.load
        self._task = load(place, variant=record["variant"], threads=threads)
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
        return len(self.embed_query("dimension"))

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return vectors ``(n, dimension)``."""
        return self._encode(list(texts), prompts.PASSAGE)

    def embed_query(self, query: str) -> Floats:
        """Return a vector ``(dimension,)``."""
        vector: Floats = self._encode([query], prompts.QUERY)[0]
        return vector

    def _encode(self, texts: list[str], names: Sequence[str]) -> Floats:
        name = prompts.saved(self._task.bundle.manifest.pooling, names)
        return self._task.encode(texts, prompt_name=name, normalize_embeddings=True)


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


def _digest(task: Embedding) -> str:
    """Return the sha256 of the model that runs; a plain hub directory has none recorded."""
    record = task.bundle.variant(task.variant)[1].file
    return record.sha256 or storage.sha256(task.bundle.path / record.path)
