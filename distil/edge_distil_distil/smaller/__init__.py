"""Smaller in other ways than fewer layers: a cut vocabulary, a narrower feed-forward."""

from edge_distil_distil.smaller.vocabulary import (
    VocabularyCut,
    cut_vocabulary,
    outside,
    refuse_outside,
)
from edge_distil_distil.smaller.width import Pruned, prune_feed_forward

__all__ = [
    "Pruned",
    "VocabularyCut",
    "cut_vocabulary",
    "outside",
    "prune_feed_forward",
    "refuse_outside",
]
