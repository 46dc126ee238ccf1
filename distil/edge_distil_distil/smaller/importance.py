"""How much the outputs would change without a neuron, measured on texts without labels.

Of a gate on each neuron, 1 with it and 0 where it gives its average instead, the derivative of the
outputs is the first-order change without it. Its square is summed over the outputs: not one by
one, but as the square of their sum with random signs, of which that is the expectation.

Sources: gates and first-order Taylor: Michel et al. 2019, arXiv:1905.10650, section 4.1; Molchanov
et al. 2019, arXiv:1906.10771, equation 8. Random signs: Hutchinson 1990,
doi:10.1080/03610919008812866.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from edge_distil_distil.smaller.feed_forward import FeedForward

Rows = Sequence[Sequence[int]]  # token ids of each text


def mean_activations(model: Any, blocks: Sequence[FeedForward], rows: Rows) -> list[Tensor]:
    """Return each neuron's mean over all tokens, ``(width,)`` a block."""
    sums = [torch.zeros(block.width) for block in blocks]
    count = 0
    with torch.no_grad(), _seen(blocks) as seen:
        for row in rows:
            outputs(model, row)
            count += len(row)
            for total, activation in zip(sums, seen, strict=True):
                total += activation[0].sum(0)
    return [total / count for total in sums]


def importances(
    model: Any,
    blocks: Sequence[FeedForward],
    rows: Rows,
    means: Sequence[Tensor],
    *,
    probes: int = 4,
    seed: int = 0,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> list[Tensor]:
    """Return each neuron's mean squared effect on a text's outputs, ``(width,)`` a block.

    Args:
        model: In evaluation mode.
        blocks: Of `feed_forward.find`.
        rows: Token ids of texts.
        means: From `mean_activations`.
        probes: Draws of random signs a text.
        seed: Of these.
        tell: Hears how many texts are done, of how many.
    """
    generator = torch.Generator().manual_seed(seed)
    sums = [torch.zeros(block.width) for block in blocks]
    with _seen(blocks) as seen:
        for done, row in enumerate(rows, 1):
            made = outputs(model, row)
            for probe in range(probes):
                signs = torch.randint(0, 2, made.shape, generator=generator) * 2.0 - 1
                last = probe == probes - 1
                gradients = torch.autograd.grad((made * signs).sum(), seen, retain_graph=not last)
                for total, one, slope, mean in zip(sums, seen, gradients, means, strict=True):
                    total += ((one - mean) * slope).detach()[0].sum(0) ** 2
            tell(done, len(rows))
    return [total / (probes * len(rows)) for total in sums]


def outputs(model: Any, row: Sequence[int]) -> Tensor:
    """Return all that a model says of one text, flat: logits, or the last hidden state."""
    ids = torch.tensor([list(row)])
    found = model(input_ids=ids, attention_mask=torch.ones_like(ids), return_dict=True)
    named = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    logits = [value for name, value in named.items() if "logits" in name]
    return torch.cat([value.flatten() for value in logits or [named["last_hidden_state"]]])


@contextmanager
def _seen(blocks: Sequence[FeedForward]) -> Iterator[list[Tensor]]:
    """Yield the activations of the last run, ``(1, tokens, width)`` a block."""
    seen: list[Tensor] = [torch.empty(0)] * len(blocks)

    def keep(index: int) -> Callable[[Any, tuple[Tensor, ...]], None]:
        def hook(module: Any, inputs: tuple[Tensor, ...]) -> None:
            seen[index] = inputs[0]

        return hook

    hooks = [b.down.register_forward_pre_hook(keep(i)) for i, b in enumerate(blocks)]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
