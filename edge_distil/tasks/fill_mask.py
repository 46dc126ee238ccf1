"""Fill-mask: what stands behind the mask token?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from edge_distil.errors import InputError
from edge_distil.pooling import Floats, softmax
from edge_distil.tasks.base import Task

_CONTINUES = "##"  # WordPiece's sign of a token that continues a word


class Candidate(NamedTuple):
    """A token for the mask, its probability, and the text with the mask replaced by it."""

    token: str
    score: float
    text: str


class FillMask(Task):
    """Completes texts with a mask token."""

    names: ClassVar[tuple[str, ...]] = ("fill-mask",)

    def __call__(
        self, text: str, *, top_k: int = 5, targets: Sequence[str] | None = None
    ) -> list[Candidate]:
        """Fill the one mask of a text.

        Args:
            text: A text with the model's mask token (``[MASK]``, ``<mask>``) once.
            top_k: Return at most so many candidates.
            targets: Only these tokens compete; their probabilities stay those among all.

        Returns:
            Candidates, the most probable first.

        Raises:
            InputError: The text has no mask or several, or a target is no token.
        """
        masks = self.each_mask(text, top_k=top_k, targets=targets)
        if len(masks) > 1:
            raise InputError(f"the text has {len(masks)} masks, expected one: use each_mask")
        return masks[0]

    def each_mask(
        self, text: str, *, top_k: int = 5, targets: Sequence[str] | None = None
    ) -> list[list[Candidate]]:
        """Fill each mask by itself, the other ones left in place; see `__call__`."""
        if top_k < 1:
            raise InputError(f"top_k is {top_k}, expected at least 1")
        [encoding] = self.encoder.tokenizer.encode([text])
        positions = self._mask_positions(encoding)
        allowed = None if targets is None else self._target_ids(targets)
        [(_, outputs)] = self.encoder.run([encoding], ("logits",))
        probabilities = softmax(outputs["logits"][0, positions])  # (masks, vocabulary)
        return [
            self._candidates(text, encoding.offsets[position], row, top_k, allowed)
            for position, row in zip(positions, probabilities, strict=True)
        ]

    def _mask_positions(self, encoding: Encoding) -> list[int]:
        tokenizer = self.encoder.tokenizer
        positions = [i for i, token in enumerate(encoding.ids) if token == tokenizer.mask_id]
        if not positions:
            raise InputError(
                f"the text has no mask in its first {tokenizer.max_length} tokens: put "
                f"{tokenizer.mask_token} where the word is missing"
            )
        return positions

    def _target_ids(self, targets: Sequence[str]) -> NDArray[np.int64]:
        ids = {target: self.encoder.tokenizer.token_id(target) for target in targets}
        if not ids or (absent := [target for target, token in ids.items() if token is None]):
            wrong = ", ".join(map(repr, absent)) if ids else "an empty list"
            raise InputError(
                f"targets has {wrong}, expected tokens of the model's vocabulary (whole words, "
                "in its case)"
            )
        return np.array(list(ids.values()), np.int64)

    def _candidates(
        self,
        text: str,
        span: tuple[int, int],
        probabilities: Floats,
        top_k: int,
        allowed: NDArray[np.int64] | None,
    ) -> list[Candidate]:
        """Rank the tokens for one mask that stands at the characters `span`."""
        ids = np.arange(len(probabilities)) if allowed is None else allowed
        best = ids[np.argsort(-probabilities[ids], kind="stable")[:top_k]]
        return [
            Candidate(token, float(probabilities[token_id]), _fill(text, span, token))
            for token_id in best
            for token in [self._word(int(token_id))]
        ]

    def _word(self, token_id: int) -> str:
        """Return a token as text: ``##ing`` stays, ``Ġword`` and ``▁word`` become ``word``."""
        decoded = self.encoder.tokenizer.decode([token_id], skip_special_tokens=False)
        return decoded.strip() or decoded


def _fill(text: str, span: tuple[int, int], token: str) -> str:
    """Put `token` in the place of the mask.

    >>> _fill("He is [MASK].", (6, 12), "tall"), _fill("walk [MASK]", (5, 11), "##ing")
    ('He is tall.', 'walking')
    """
    mask = text[span[0] : span[1]]
    start = span[0] + len(mask) - len(mask.lstrip())  # RoBERTa's mask takes the space before it
    before = text[:start]
    if token.startswith(_CONTINUES):
        before, token = before.rstrip(), token.removeprefix(_CONTINUES)
    return before + token + text[span[1] :]
