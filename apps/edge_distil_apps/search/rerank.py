"""Passages that were found, in the order in which a cross-encoder puts them.

It reads the query and a passage together, which says more than two vectors do, and takes a forward
pass for each passage: so it reads those that a search has found, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence

from edge_distil.tasks import Reranker
from edge_distil_apps.search.index import Hit

READ = 50  # passages: about as many as are read in a second by a cross-encoder of six layers


def rerank(reranker: Reranker, query: str, hits: Sequence[Hit], k: int) -> list[Hit]:
    """Return the `k` most relevant of `hits`, the most relevant first, with their relevance."""
    ranked = reranker(query, [hit.text for hit in hits], top_k=k)
    return [hits[one.index]._replace(relevance=one.score) for one in ranked]
