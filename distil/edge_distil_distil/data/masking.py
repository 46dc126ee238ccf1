"""Tokens behind masks, others in each pass (Liu et al. 2019, arXiv:1907.11692, section 4.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_distil_distil.objectives.labels import IGNORED

# Of the chosen tokens (Devlin et al. 2018, arXiv:1810.04805, appendix A.1).
_MASKED, _REPLACED = 0.8, 0.1  # the rest stays as it is

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Masking:
    """Chooses tokens and hides most of them.

    What is chosen depends on the seed, the pass and the row alone, so that a run that goes on
    after an interruption sees what it would have seen.

    Attributes:
        mask_id: The mask token's id.
        vocabulary: Number of ids, of which one may stand in for a chosen token.
        special: Ids that are never chosen.
        seed: Of the run.
        share: Of the tokens that are chosen.
    """

    mask_id: int
    vocabulary: int
    special: frozenset[int]
    seed: int
    share: float = 0.15

    def __call__(self, ids: NDArray[np.int32], epoch: int, row: int) -> tuple[Ids, Ids]:
        """Mask one row.

        Args:
            ids: Its tokens, ``(tokens,)``.
            epoch: Number of the pass.
            row: Number of the row.

        Returns:
            The tokens as the model sees them, and labels: the true token where one was chosen,
            elsewhere `IGNORED`.
        """
        draws = np.random.default_rng((self.seed, epoch, row))
        ordinary = ~np.isin(ids, list(self.special))
        chosen = ordinary & (draws.random(len(ids)) < self.share)
        fate = draws.random(len(ids))
        seen = ids.astype(np.int64)
        labels = np.where(chosen, seen, IGNORED)
        replaced = chosen & (fate >= _MASKED) & (fate < _MASKED + _REPLACED)
        others = draws.integers(self.vocabulary, size=len(ids))
        seen = np.where(chosen & (fate < _MASKED), self.mask_id, seen)
        return np.where(replaced, others, seen), labels
