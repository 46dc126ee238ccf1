"""A smaller model out of a teacher's weights."""

from edge_distil_distil.students.distilbert import to_distilbert
from edge_distil_distil.students.layers import chosen_layers
from edge_distil_distil.students.shorten import shorten

__all__ = ["chosen_layers", "shorten", "to_distilbert"]
