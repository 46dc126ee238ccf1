"""Bundle -> smaller variants with their evidence: ``pip install 'edge-distil[export]'``."""

from edge_distil_quantize.api import RECIPES, quantize_bundle

__all__ = ["RECIPES", "quantize_bundle"]
