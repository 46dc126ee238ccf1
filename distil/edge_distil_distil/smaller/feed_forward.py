"""The feed-forward halves of a model's layers, and what is left of them when neurons go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edge_distil.errors import DistilError
from edge_distil_distil.students.layers import layer_list

WIDTHS = ("hidden_dim", "intermediate_size")  # what families call it in config.json


@dataclass(frozen=True)
class FeedForward:
    """One layer's: ``down(act(up(x)))``, or ``down(act(gate(x)) * up(x))``.

    Attributes:
        name: Its layer's.
        up: What makes the neurons: one, or gate and up; or one of twice as many rows, whose halves
            are these.
        down: What reads them.
    """

    name: str
    up: tuple[nn.Linear, ...]
    down: nn.Linear

    @property
    def width(self) -> int:
        """Number of neurons."""
        return self.down.in_features

    def keep(self, neurons: Tensor, means: Tensor) -> None:
        """Drop all neurons but these; what the others give on average goes into the bias.

        Source of the compensation: An et al. 2023, FLAP, arXiv:2312.11983, section 3.3.

        Args:
            neurons: Numbers of those to keep, in order.
            means: Of every neuron's activation, ``(width,)``.
        """
        others = torch.ones(self.width, dtype=torch.bool)
        others[neurons] = False
        with torch.no_grad():
            if self.down.bias is not None:
                self.down.bias.add_(self.down.weight[:, others] @ means[others])
            for linear in self.up:
                halves = range(linear.out_features // self.width)
                rows = torch.cat([neurons + half * self.width for half in halves])
                linear.weight = nn.Parameter(linear.weight[rows].clone())
                if linear.bias is not None:
                    linear.bias = nn.Parameter(linear.bias[rows].clone())
                linear.out_features = len(rows)
            self.down.weight = nn.Parameter(self.down.weight[:, neurons].clone())
            self.down.in_features = len(neurons)


def find(model: Any) -> list[FeedForward]:
    """Return the feed-forward half of every layer.

    Raises:
        DistilError: The layers have none of the known form.
    """
    width = width_of(model.config)[1]
    layers = model.get_submodule(layer_list(model, model.config))
    return [_of_layer(layer, f"layer {n}", width, type(model).__name__)
            for n, layer in enumerate(layers)]  # fmt: skip


def width_of(config: Any) -> tuple[str, int]:
    """Return what a configuration calls the number of neurons, and that number.

    Raises:
        DistilError: It names none.
    """
    named = config.to_dict()  # without the names that a family has beside its own
    for key in WIDTHS:
        if isinstance(named.get(key), int):
            return key, int(named[key])
    raise DistilError(
        f"the configuration of {config.model_type} has none of {', '.join(WIDTHS)}, expected the "
        "width of its feed-forward: this family cannot be made narrower here"
    )


def _of_layer(layer: nn.Module, name: str, width: int, model: str) -> FeedForward:
    linears = {n: m for n, m in layer.named_modules() if isinstance(m, nn.Linear)}
    down = {n: m for n, m in linears.items() if m.in_features == width}
    beside = {n.rpartition(".")[0] for n in down}
    up = tuple(
        m for n, m in linears.items()
        if m.out_features == width
        # two halves in one; elsewhere it is queries, keys and values in one, as in ModernBERT
        or (m.out_features == 2 * width and n.rpartition(".")[0] in beside)
    )  # fmt: skip
    if len(up) not in (1, 2) or len(down) != 1:
        raise DistilError(
            f"{name} of a {model} has {len(up)} products to {width} neurons and {len(down)} from "
            "them, expected one or two and one: this family cannot be made narrower here"
        )
    return FeedForward(name, up, *down.values())
