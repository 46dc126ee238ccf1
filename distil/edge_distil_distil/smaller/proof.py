"""Two checkpoints beside each other, from the texts to the outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from edge_distil.errors import DistilError
from edge_distil_distil.smaller import tables

_BLOCK = 512  # texts tokenised at a time
_SAMPLE = 16  # texts that both models read, spread over all
_LONGEST = 128  # tokens of each
# Scores of pieces are sums over the hidden state, which a product with fewer columns may add up in
# another order; what has no row a token is the same bit for bit.
SCORES_DIFFER = 1e-4


def same_tokens(
    before: Any, after: Any, texts: Sequence[str], new: Mapping[int, int]
) -> Iterator[str]:
    """Yield the texts that two tokenizers split otherwise.

    Args:
        before: Of the tokenizers library.
        after: The same, cut.
        texts: What both split.
        new: Old id -> new id; ids of none are those of pieces that are gone.
    """
    for start in range(0, len(texts), _BLOCK):
        block = list(texts[start : start + _BLOCK])
        for text, old, cut in zip(
            block, before.encode_batch(block), after.encode_batch(block), strict=True
        ):
            if [new.get(index) for index in old.ids] != cut.ids:
                yield text


def greatest_difference(
    before: Any, after: Any, texts: Sequence[str], backend: Any, old: Sequence[int]
) -> float:
    """Run two models on texts and compare all their outputs.

    Args:
        before: The whole model.
        after: The cut one.
        texts: A few, spread over these, are read.
        backend: The tokenizer of `before`, of the tokenizers library.
        old: New id -> old id.

    Returns:
        The greatest absolute difference: 0.0 where every output is the same, bit for bit.

    Raises:
        DistilError: The outputs differ, or there are none to compare.
    """
    for model in (before, after):
        _align(model)
    new = {index: place for place, index in enumerate(old)}
    sample = texts[:: max(1, len(texts) // _SAMPLE)][:_SAMPLE]
    longest = min(tables.positions(before) or _LONGEST, _LONGEST)
    greatest = 0.0
    for text in sample:
        ids = backend.encode(text).ids[:longest]
        pair = _run(before, ids), _run(after, [new[index] for index in ids])
        greatest = max(greatest, _compare(*pair, old, text))
    return greatest


def _align(model: Any) -> None:
    """Move the weights to memory of their own, for products round as its alignment lets them.

    A loaded checkpoint's tensors stand in its file one behind the other; behind a smaller table
    they all stand elsewhere.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()


@torch.no_grad()
def _run(model: Any, ids: Sequence[int]) -> dict[str, torch.Tensor]:
    row = torch.tensor([list(ids)])
    found = model(input_ids=row, attention_mask=torch.ones_like(row), return_dict=True)
    return {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}


def _compare(
    before: Mapping[str, torch.Tensor],
    after: Mapping[str, torch.Tensor],
    old: Sequence[int],
    text: str,
) -> float:
    greatest = 0.0
    for name, whole in before.items():
        got = after[name]
        scores = got.shape != whole.shape  # one a piece: those of the kept ones are left
        expected = whole[..., list(old)] if scores else whole
        difference = float((got - expected).abs().max())
        if not difference <= (SCORES_DIFFER if scores else 0.0):
            raise DistilError(
                f"the cut model gives other {name} than the whole one (by up to {difference:.2g}) "
                f"for {text[:80]!r}, expected the same: this family has tables that cannot be cut "
                "here; nothing was written"
            )
        greatest = max(greatest, difference)
    return greatest
