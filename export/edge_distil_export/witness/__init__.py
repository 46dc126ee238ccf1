"""Proof end to end: the library that a checkpoint belongs to, and the bundle, read the same texts.

`parity` compares the graph with our own module, both fed token ids: what both lack, it cannot
see. Here the checkpoint is loaded once more, as its users load it, and the bundle as its users
do: tokenizer, settings, weights and outputs are all in the comparison.
"""

from edge_distil_export.witness.compare import check_end_to_end
from edge_distil_export.witness.consult import Opened, open_witness
from edge_distil_export.witness.testimony import Testimony

__all__ = ["Opened", "Testimony", "check_end_to_end", "open_witness"]
