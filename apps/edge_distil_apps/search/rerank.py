"""Passages that were found, in the order in which a cross-encoder or late interaction puts them.

A cross-encoder reads the query and a passage together, which says more than two vectors do; late
interaction compares them token by token. Either takes a forward pass for each passage: so it reads
those that a search has found, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_distil.encoder import open_encoder
from edge_distil.tasks import LateInteraction, Reranker
from edge_distil_apps.search.index import Hit

READ = 50  # passages: about as many as are read in a second by a cross-encoder of six layers


def rerank(
    reranker: Reranker | LateInteraction, query: str, hits: Sequence[Hit], k: int
) -> list[Hit]:
    """Return the `k` most relevant of `hits`, the most relevant first, with their relevance."""
    rank = reranker.rank if isinstance(reranker, LateInteraction) else reranker
    ranked = rank(query, [hit.text for hit in hits], top_k=k)
    return [hits[one.index]._replace(relevance=one.score) for one in ranked]


def open_reranker(bundle: Path, threads: int | None = None) -> Reranker | LateInteraction:
    """Open a bundle that puts passages in order.

    Raises:
        BundleError: It is none.
        TaskError: It is for another task.
    """
    encoder = open_encoder(bundle, threads=threads)
    encoder.bundle.require_task(*Reranker.names, *LateInteraction.names)
    late = encoder.bundle.manifest.task in LateInteraction.names
    return LateInteraction(encoder) if late else Reranker(encoder)
