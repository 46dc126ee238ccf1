"""A case for every operator of the Core ML evaluator."""

from coreml_cases import arithmetic, layout  # noqa: F401 - they register their cases
from coreml_cases.case import CASES

__all__ = ["CASES"]
