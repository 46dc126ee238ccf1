"""What a student learns from: files of examples, as rows of tokens with their targets."""

from edge_distil_distil.data.examples import Examples
from edge_distil_distil.data.reading import read_examples

__all__ = ["Examples", "read_examples"]
