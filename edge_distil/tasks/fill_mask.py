"""Fill-mask: what stands behind the mask token?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from edge_distil import calls
from edge_distil._reading.printable import shortened
from edge_distil.errors import InputError, OutputError
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
        self, text: str, *, top_k: int = 5, targets: str | Iterable[str] | None = None
    ) -> list[Candidate]:
        """Fill the one mask of a text.

        Args:
            text: A text with the model's mask token (``[MASK]``, ``<mask>``) once.
            top_k: Return at most so many candidates.
            targets: Only these compete, one or several; their probabilities stay those among all
                tokens. Each is an entry of the vocabulary, or a text that is one token: the
                tokenizers of RoBERTa's kind tell " the", which begins a word, from "the".

        Returns:
            Candidates, the most probable first.

        Raises:
            InputError: The text has no mask or several, a mask stands beyond the model's maximum
                length, or a target is no token.
            OutputError: What the model gives is not of its task, or not finite for a mask.
        """
        masks = self.each_mask(text, top_k=top_k, targets=targets)
        if len(masks) > 1:
            raise InputError(f"the text has {len(masks)} masks, expected one: use each_mask")
        return masks[0]

    def each_mask(
        self, text: str, *, top_k: int = 5, targets: str | Iterable[str] | None = None
    ) -> list[list[Candidate]]:
        """Fill each mask by itself, the other ones left in place; see `__call__`."""
        calls.whole(1, top_k=top_k)
        [encoding] = self.encoder.tokenizer.encode([calls.text(text, "text")])
        positions = self._mask_positions(encoding, text)
        allowed = None if targets is None else self._target_ids(targets)
        # A row for each token, as wide as the vocabulary: only what is read is checked.
        [(_, outputs)] = self.encoder.run([encoding], ("logits",), finite=False)
        logits = self.encoder.check.finite("logits", outputs["logits"][0, positions])
        self._check_width(logits.shape[-1])
        probabilities = softmax(logits)  # (masks, vocabulary)
        if allowed is not None and allowed.max() >= logits.shape[-1]:
            raise InputError(
                f"a target has the id {allowed.max()}, but the model gives {logits.shape[-1]} "
                "logits: leave out the targets that were added to its vocabulary"
            )
        return [
            self._candidates(text, encoding.offsets[position], row, top_k, allowed)
            for position, row in zip(positions, probabilities, strict=True)
        ]

    def _check_width(self, width: int) -> None:
        """See that each token has a logit, but those that were added to the tokenizer alone."""
        tokens = self.encoder.tokenizer.size(added=False)
        if width < tokens:
            raise OutputError(
                f"{self.encoder.check} gives {width:,} logits for {tokens:,} tokens, expected one "
                "each: the model or the tokenizer is another's; export the checkpoint again"
            )

    def _mask_positions(self, encoding: Encoding, text: str) -> list[int]:
        tokenizer = self.encoder.tokenizer
        positions = [i for i, token in enumerate(encoding.ids) if token == tokenizer.mask_id]
        mask = tokenizer.mask_token or ""
        unread = text.count(mask) > len(positions) if mask else False
        if not positions or unread:
            found = f"{len(positions)} of the text's masks stand" if unread else "no mask stands"
            raise InputError(
                f"{found} in the {tokenizer.max_length} tokens that the model reads, expected "
                f"{'all' if unread else 'one'}: put {shortened(mask)} where a word is missing, and "
                "shorten the text where it is longer"
            )
        return positions

    def _target_ids(self, targets: str | Iterable[str]) -> NDArray[np.int64]:
        if isinstance(targets, str):
            targets = [targets]
        names = [calls.text(name, "a target") for name in calls.many(targets, "targets")]
        ids = {target: self._target_id(target) for target in names}
        if not ids or (absent := [target for target, token in ids.items() if token is None]):
            wrong = ", ".join(repr(shortened(name)) for name in absent[:4]) or "nothing"
            raise InputError(
                f"targets has {wrong}, expected texts that are one token of the model's vocabulary "
                "each: choose others"
            )
        return np.array(list(dict.fromkeys(ids.values())), np.int64)

    def _target_id(self, target: str) -> int | None:
        """Return a vocabulary entry's id, or that of a text that is one token."""
        tokenizer = self.encoder.tokenizer
        entry = tokenizer.token_id(target)
        if entry is not None:
            return entry
        [encoding] = tokenizer.encode([target])
        ids = [
            token
            for token, special in zip(encoding.ids, encoding.special_tokens_mask, strict=True)
            if not special
        ]
        return ids[0] if len(ids) == 1 and ids[0] != tokenizer.unknown_id else None

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
