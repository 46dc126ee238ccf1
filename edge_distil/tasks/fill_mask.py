"""Fill-mask: what stands behind the mask token?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from edge_distil import calls
from edge_distil._reading.printable import shortened
from edge_distil._tokenizing.reading import tokenized
from edge_distil.errors import InputError, OutputError
from edge_distil.pooling import Floats, softmax
from edge_distil.streaming import WINDOW_TOKENS, reading, sizes, stream
from edge_distil.tasks.base import Task, only

_CONTINUES = "##"  # WordPiece's sign of a token that continues a word


class Candidate(NamedTuple):
    """A token for the mask, its probability, and the text with the mask replaced by it."""

    token: str
    score: float
    text: str


# A text, its tokens and the graph's outputs for it -> the candidates for each mask.
Fill = Callable[[str, Encoding, dict[str, Floats]], list[list[Candidate]]]


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
        return only(self._single([calls.text(text, "text")], top_k, targets, known=True))

    def stream(
        self,
        texts: Iterable[str],
        *,
        top_k: int = 5,
        targets: str | Iterable[str] | None = None,
    ) -> Iterator[list[Candidate]]:
        """Fill the one mask of each text of a stream of any length, in order; see `__call__`.

        The texts are read ahead by at most 1,024, at first by 8.
        """
        return self._single(calls.many(texts, "texts"), top_k, targets)

    def each_mask(
        self, text: str, *, top_k: int = 5, targets: str | Iterable[str] | None = None
    ) -> list[list[Candidate]]:
        """Fill each mask by itself, the other ones left in place; see `__call__`."""
        texts = [calls.text(text, "text")]
        return only(self._stream(texts, self._filler(top_k, targets), known=True))

    def stream_each_mask(
        self,
        texts: Iterable[str],
        *,
        top_k: int = 5,
        targets: str | Iterable[str] | None = None,
    ) -> Iterator[list[list[Candidate]]]:
        """Fill each mask of each text of a stream, in order; see `each_mask` and `stream`."""
        return self._stream(calls.many(texts, "texts"), self._filler(top_k, targets))

    def _single(
        self,
        texts: Iterable[str],
        top_k: int,
        targets: str | Iterable[str] | None,
        *,
        known: bool = False,
    ) -> Iterator[list[Candidate]]:
        fill = self._filler(top_k, targets)

        def one(text: str, row: Encoding, found: dict[str, Floats]) -> list[list[Candidate]]:
            masks = sum(token == self.encoder.tokenizer.mask_id for token in row.ids)
            if masks > 1:
                raise InputError(f"the text has {masks} masks, expected one: use each_mask")
            return fill(text, row, found)

        return (masks[0] for masks in self._stream(texts, one, known=known))

    def _stream(
        self, texts: Iterable[str], fill: Fill, *, known: bool = False
    ) -> Iterator[list[list[Candidate]]]:
        held: deque[str] = deque()  # texts whose tokens are not made yet

        def kept() -> Iterator[str]:
            for number, text in enumerate(texts):
                held.append(calls.text(text, f"text {number}"))
                yield text

        found = tokenized(self.encoder.tokenizer, kept(), sizes(known=known), offsets=True)
        rows = (((number, held.popleft()), encoding) for number, encoding in found)
        said = stream(
            self.encoder,
            rows,
            reading(
                ("logits",),
                lambda key, row, outputs: fill(key[1], row, outputs),
                lambda key: "" if known else f"text {key[0]}: ",
            ),
            blocks=sizes(known=known),
            tokens=WINDOW_TOKENS,
        )
        return (masks for _, masks in said)

    def _filler(self, top_k: int, targets: str | Iterable[str] | None) -> Fill:
        calls.whole(1, top_k=top_k)
        allowed = None if targets is None else self._target_ids(targets)

        def fill(text: str, row: Encoding, found: dict[str, Floats]) -> list[list[Candidate]]:
            positions = self._mask_positions(row, text)
            # A row for each token, as wide as the vocabulary: only what is read is checked.
            logits = self.encoder.check.finite("logits", found["logits"][positions])
            self._check_width(logits.shape[-1])
            if allowed is not None and allowed.max() >= logits.shape[-1]:
                raise InputError(
                    f"a target has the id {allowed.max()}, but the model gives {logits.shape[-1]} "
                    "logits: leave out the targets that were added to its vocabulary"
                )
            return [
                self._candidates(text, row.offsets[position], probabilities, top_k, allowed)
                for position, probabilities in zip(positions, softmax(logits), strict=True)
            ]

        return fill

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
        absent = [target for target, token in ids.items() if token is None]
        if absent or not ids:
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
