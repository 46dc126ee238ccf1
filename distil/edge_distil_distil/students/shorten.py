"""A student of the teacher's own class with some of its layers, whatever the family."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from edge_distil.errors import DistilError
from edge_distil_distil.students.layers import layer_list


def shorten(teacher: Any, layers: Sequence[int]) -> Any:
    """Make a model of the teacher's class that has these of its layers.

    Args:
        teacher: A transformers model; it stays as it is.
        layers: Numbers of its layers, in order.

    Returns:
        The student, all else of it as in the teacher.

    Raises:
        DistilError: The layers are not alike, so that one cannot stand in another's place.
    """
    prefix = layer_list(teacher, teacher.config)
    student = type(teacher)(short_config(teacher.config, layers))
    weights = _renumbered(teacher.state_dict(), prefix, layers)
    found = student.load_state_dict(weights, strict=False)
    lacking = [*found.missing_keys, *found.unexpected_keys]
    if lacking:
        raise DistilError(
            f"layers {', '.join(map(str, layers))} of a {type(teacher).__name__} do not fit into "
            f"a shorter one ({lacking[0]}): choose layers that begin with 0"
        )
    return student.to(teacher.dtype)


def short_config(config: Any, layers: Sequence[int]) -> Any:
    """Return a copy of a configuration for a model with these of its layers."""
    short = copy.deepcopy(config)
    short.num_hidden_layers = len(layers)
    types = getattr(short, "layer_types", None)
    if isinstance(types, list) and len(types) == config.num_hidden_layers:
        short.layer_types = [types[layer] for layer in layers]
    return short


def _renumbered(
    weights: Mapping[str, Tensor], prefix: str, layers: Sequence[int]
) -> dict[str, Tensor]:
    pattern = re.compile(rf"{re.escape(prefix)}\.(\d+)\.(.+)")
    places = {layer: place for place, layer in enumerate(layers)}
    found = {}
    for name, weight in weights.items():
        if (match := pattern.fullmatch(name)) is None:
            found[name] = weight
        elif (layer := int(match[1])) in places:
            found[f"{prefix}.{places[layer]}.{match[2]}"] = weight
    return found
