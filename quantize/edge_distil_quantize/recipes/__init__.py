"""The recipes, a file each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edge_distil_quantize.recipe import Recipe
from edge_distil_quantize.recipes import fp16, int4, int8, int8_static, weights_only

# Named as the variants that they make, in the order in which an app chooses among them.
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "int8": Recipe(int8.make, calibrated=True),
        "int8-static": Recipe(int8_static.make, calibrated=True, required=True),
        "weights-only": Recipe(weights_only.make),
        "fp16": Recipe(fp16.make),
        "int4": Recipe(int4.make),
    }
)

__all__ = ["RECIPES"]
