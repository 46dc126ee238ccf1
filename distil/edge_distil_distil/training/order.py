"""The order of the examples: rows of like length together, batches in random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

_POOL = 50  # batches whose rows are sorted by length together, as transformers' own sampler does


class ByLength(Sampler[int]):
    """Puts rows of like length into a batch, so that little is padding.

    The order depends on the seed and the pass alone, so that a run that goes on after an
    interruption takes what it would have taken. Unlike in transformers' sampler the batches are
    shuffled too: long ones do not come first.

    Args:
        lengths: Of the rows, in tokens.
        batch: Rows of a batch, of all devices together.
        seed: Of the run.

    Attributes:
        epoch: Number of the pass.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths, self._batch, self._seed = np.asarray(lengths), batch, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        draws = np.random.default_rng((self._seed, self.epoch))
        rows = draws.permutation(len(self._lengths))
        batches = []
        for start in range(0, len(rows), _POOL * self._batch):
            pool = rows[start : start + _POOL * self._batch]
            pool = pool[np.argsort(self._lengths[pool], kind="stable")]
            batches += [pool[at : at + self._batch] for at in range(0, len(pool), self._batch)]
        whole = [batch for batch in batches if len(batch) == self._batch]
        rest = [batch for batch in batches if len(batch) < self._batch]  # one at most, at the end
        for place in draws.permutation(len(whole)):
            yield from whole[place].tolist()
        for batch in rest:
            yield from batch.tolist()
