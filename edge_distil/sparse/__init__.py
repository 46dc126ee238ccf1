"""Sparse embeddings: a weight for each of some tokens of the vocabulary."""

from edge_distil.sparse.vectors import SparseVector, SparseVectors, all_pairs, blocks, pairwise

__all__ = ["SparseVector", "SparseVectors", "all_pairs", "blocks", "pairwise"]
