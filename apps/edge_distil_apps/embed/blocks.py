"""The vectors of the parts, one shard after another, in the precision of the output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_distil.pooling import Floats
from edge_distil.precision import Precision, quantize_embeddings
from edge_distil_apps.embed.parts import Parts
from edge_distil_apps.embed.rows import Shard


class Block(NamedTuple):
    """The vectors of a shard.

    Attributes:
        shard: The shard.
        vectors: ``(rows, columns)``; a bad row is NaN, or 0 in an integer precision.
        good: Which rows are not bad ``(rows,)``.
    """

    shard: Shard
    vectors: NDArray[Any]
    good: NDArray[np.bool_]


def blocks(
    shards: Sequence[Shard], parts: Parts, precision: Precision, limits: Floats | None
) -> Iterator[Block]:
    """Yield the vectors of shards.

    Args:
        shards: The shards, all done.
        parts: Their float32 vectors.
        precision: Of what is yielded.
        limits: What `ranges` says of all shards of the output.
    """
    for shard in shards:
        vectors = parts.read(shard)
        good = _good(vectors)
        if precision != "float32":
            vectors = np.where(good[:, None], vectors, 0)
            vectors = quantize_embeddings(vectors, precision, limits)
            vectors[~good] = 0
        yield Block(shard, vectors, good)


def ranges(shards: Sequence[Shard], parts: Parts, precision: Precision) -> Floats | None:
    """Return the least and greatest value of each dimension ``(2, dimension)``, bad rows apart.

    The 8-bit precisions scale by the range of the whole output, as
    `edge_distil.precision.quantize_embeddings` does of one array; the others need none.
    """
    if precision not in ("int8", "uint8"):
        return None
    limits: Floats | None = None
    for shard in shards:
        vectors = parts.read(shard)
        good = vectors[_good(vectors)]
        if len(good):
            known = good if limits is None else np.concatenate([limits, good])
            limits = np.stack([known.min(axis=0), known.max(axis=0)])
    return limits


def _good(vectors: Floats) -> NDArray[np.bool_]:
    return np.array(~np.isnan(vectors).any(axis=1))
