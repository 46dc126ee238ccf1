"""Smaller in other ways than fewer layers: a cut vocabulary, a narrower feed-forward."""

from edge_distil_distil.smaller.vocabulary import (
    VocabularyCut,
    cut_vocabulary,
    outside,
    refuse_outside,
)

__all__ = ["VocabularyCut", "cut_vocabulary", "outside", "refuse_outside"]
