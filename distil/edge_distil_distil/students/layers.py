"""Which of the teacher's layers a student takes over, and where a model keeps its layers."""

from __future__ import annotations

from typing import Any

from torch import nn

from edge_distil.errors import DistilError, InputError


def chosen_layers(of: int, count: int) -> tuple[int, ...]:
    """Spread `count` layers evenly over `of`, the first and the last among them.

    For 6 of 12 these are the published ones of DistilBERT.

    Args:
        of: Layers of the teacher.
        count: Layers of the student.

    Raises:
        InputError: The student would have more layers than the teacher, or none.

    >>> chosen_layers(12, 6), chosen_layers(6, 3), chosen_layers(6, 1)
    ((0, 2, 4, 7, 9, 11), (0, 2, 5), (0,))
    """
    if not 1 <= count <= of:
        raise InputError(
            f"layers is {count}, expected 1 to {of}, as many as the teacher has: choose fewer"
        )
    if count == 1:
        return (0,)
    return tuple(round(place * (of - 1) / (count - 1)) for place in range(count))


def layer_list(model: nn.Module, config: Any) -> str:
    """Return the name of the list of a model's layers, such as ``bert.encoder.layer``.

    Raises:
        DistilError: It has none, as where all layers share their weights, or several.
    """
    names = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) == config.num_hidden_layers
    ]
    inner = [name for name in names if any(name.startswith(f"{outer}.") for outer in names)]
    names = [name for name in names if name not in inner]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise DistilError(
            f"a {type(model).__name__} has no single list of {config.num_hidden_layers} layers "
            f"(found: {found}), of which a student could take some: choose another teacher"
        )
    return str(names[0])
