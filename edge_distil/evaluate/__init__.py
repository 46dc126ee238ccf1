"""Is it still right? Scores on labelled files, and how near a variant stays to fp32."""

from edge_distil.evaluate.comparison import compare, compare_predictions
from edge_distil.evaluate.evaluation import Evaluation, evaluate
from edge_distil.evaluate.fidelity import Fidelity

__all__ = ["Evaluation", "Fidelity", "compare", "compare_predictions", "evaluate"]
