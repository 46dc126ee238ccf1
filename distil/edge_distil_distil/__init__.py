"""Teacher -> smaller student, on a workstation: needs ``pip install 'edge-distil[distil]'``."""

from edge_distil_distil.api import Distilled, distil
from edge_distil_distil.recipe import Recipe
from edge_distil_distil.status import Status

__all__ = ["Distilled", "Recipe", "Status", "distil"]
