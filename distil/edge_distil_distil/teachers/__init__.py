"""Who teaches: checkpoints and bundles, one or several."""

from edge_distil_distil.teachers.origin import Origin, find_origin
from edge_distil_distil.teachers.targets import add_targets
from edge_distil_distil.teachers.torch_session import TorchSession, torch_encoder

__all__ = ["Origin", "TorchSession", "add_targets", "find_origin", "torch_encoder"]
