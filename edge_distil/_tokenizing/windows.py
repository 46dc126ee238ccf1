"""Long texts to overlapping windows, one after another, in memory that does not grow with them.

The windows are those that the tokenizers library cuts out of the whole text's tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import chain, pairwise
from typing import Protocol, TypeVar

import numpy as np
from tokenizers import Encoding

from edge_distil._tokenizing.stretches import STRETCH, Tokens, as_tokens, stretches
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import InputError

T = TypeVar("T")

LONG = 2 * STRETCH  # characters; shorter texts are tokenized whole


class Window(Protocol):
    """What tasks read of a window: an ``Encoding``, or a `Cut`."""

    @property
    def ids(self) -> list[int]:
        """Token ids."""

    @property
    def type_ids(self) -> list[int]:
        """Of each token, which of the two texts it belongs to."""

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Of each token, where it stands in its text."""

    @property
    def sequence_ids(self) -> list[int | None]:
        """Of each token, the number of its text; ``None`` for special tokens."""

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for special tokens."""

    @property
    def word_ids(self) -> list[int | None]:
        """Of each token, the number of its word."""

    def __len__(self) -> int: ...

    def token_to_word(self, token_index: int, /) -> int | None:
        """Return the number of a token's word."""

    def word_to_chars(self, word_index: int, sequence_index: int = 0, /) -> tuple[int, int] | None:
        """Return where the window's part of a word stands in its text."""


class Cut:
    """A window cut out of a long text.

    Attributes:
        frame: A window with one token of the text, which says what stands before and behind it.
        place: Where that token stands.
        tokens: The text's tokens in this window.
    """

    def __init__(self, frame: Encoding, place: int, tokens: Tokens) -> None:
        self.frame = frame
        self.place = place
        self.tokens = tokens

    def __len__(self) -> int:
        return len(self.frame) - 1 + len(self.tokens)

    @cached_property
    def ids(self) -> list[int]:
        """See `Window`."""
        return self._around(self.frame.ids, self.tokens[:, 0].tolist())

    @cached_property
    def type_ids(self) -> list[int]:
        """See `Window`."""
        return self._repeated(self.frame.type_ids)

    @cached_property
    def offsets(self) -> list[tuple[int, int]]:
        """See `Window`."""
        places = [(start, end) for start, end in self.tokens[:, 1:3].tolist()]
        return self._around(self.frame.offsets, places)

    @cached_property
    def sequence_ids(self) -> list[int | None]:
        """See `Window`."""
        return self._repeated(self.frame.sequence_ids)

    @cached_property
    def special_tokens_mask(self) -> list[int]:
        """See `Window`."""
        return self._repeated(self.frame.special_tokens_mask)

    @cached_property
    def word_ids(self) -> list[int | None]:
        """See `Window`."""
        words = [word if word >= 0 else None for word in self.tokens[:, 3].tolist()]
        return self._around(self.frame.word_ids, words)

    def token_to_word(self, token_index: int, /) -> int | None:
        """See `Window`."""
        return self.word_ids[token_index]

    def word_to_chars(self, word_index: int, sequence_index: int = 0, /) -> tuple[int, int] | None:
        """See `Window`; only the long text's words are known."""
        word = self.tokens[self.tokens[:, 3] == word_index]
        return (int(word[0, 1]), int(word[-1, 2])) if len(word) else None

    def _around(self, frame: list[T], inner: list[T]) -> list[T]:
        return [*frame[: self.place], *inner, *frame[self.place + 1 :]]

    def _repeated(self, frame: list[T]) -> list[T]:
        return self._around(frame, [frame[self.place]] * len(self.tokens))


def reached(window: Window, sequence: int) -> int:
    """Return how far into a text a window goes, in characters."""
    ends = zip(window.offsets, window.sequence_ids, strict=True)
    return max((end for (_, end), number in ends if number == sequence), default=0)


def span(window: Window, sequence: int) -> tuple[int, int]:
    """Return where a window's part of a text begins and ends in it, in characters."""
    if isinstance(window, Cut):  # without a list of all its tokens
        return int(window.tokens[0, 1]), int(window.tokens[-1, 2])
    every = zip(window.offsets, window.sequence_ids, strict=True)
    places = [place for place, number in every if number == sequence]
    return (places[0][0], places[-1][1]) if places else (0, 0)


def ended(windows: Iterator[Window]) -> Iterator[tuple[Window, bool]]:
    """Yield windows, and of each whether it is the last."""
    for window, following in pairwise(chain(windows, [None])):
        assert window is not None  # the end alone is
        yield window, following is None


def of_text(tokenizer: Tokenizer, text: str, stride: int) -> Iterator[Window]:
    """Cut a text into windows; see `Tokenizer.windows`."""
    if len(text) <= LONG:
        yield from tokenizer.windows(text, stride)
    else:
        yield from _cut(tokenizer, (), text, tokenizer.room(1), stride, _parts(tokenizer, (), text))


def of_pair(
    tokenizer: Tokenizer,
    first: str,
    second: str,
    *,
    max_length: int,
    stride: int,
    max_first: int,
    tokens: Tokens | None = None,
) -> Iterator[Window]:
    """Cut the second text of a pair into windows; see `Tokenizer.pair_windows`.

    With `tokens`, which are those that `tokens_of` gives of it, it is not tokenized again.
    """
    known = iter([tokens]) if tokens is not None and len(tokens) else None
    # Windows are counted from the end where it is cut on the left.
    if tokenizer.cuts_left or (len(second) <= LONG and known is None):
        yield from tokenizer.pair_windows(
            first, second, max_length=max_length, stride=stride, max_first=max_first
        )
        return
    question, room = tokenizer.question(
        first, max_length=max_length, stride=stride, max_first=max_first
    )
    before = (question,)
    parts = known or _parts(tokenizer, before, second)
    yield from _cut(tokenizer, before, second, room, stride, parts)


def tokens_of(tokenizer: Tokenizer, text: str) -> Tokens:
    """Return all tokens of the second text of a pair, from which any question's windows are cut.

    They are the same whatever the first text is (`tests/runtime/test_long_windows.py`).
    """
    return np.concatenate(list(_parts(tokenizer, (tokenizer.whole("a"),), text)))


def _parts(tokenizer: Tokenizer, before: tuple[Encoding, ...], text: str) -> Iterator[Tokens]:
    """Yield the tokens of a text behind other texts, those of a stretch at a time."""

    def tokenize(part: str) -> Tokens:
        encoding = tokenizer.framed(*before, tokenizer.whole(part))
        inside = [number == len(before) for number in encoding.sequence_ids]
        return as_tokens(encoding)[inside]

    return stretches(tokenize, text)


def _cut(
    tokenizer: Tokenizer,
    before: tuple[Encoding, ...],
    text: str,
    room: int,
    stride: int,
    parts: Iterator[Tokens],
) -> Iterator[Window]:
    """Cut a long text, whose tokens come in parts, into windows of `room` behind other texts."""
    frame, place = _frame(tokenizer, before, text)
    held = np.empty((0, 4), np.int64)
    while True:
        while len(held) <= room and (part := next(parts, None)) is not None:
            held = np.concatenate([held, part])
        yield Cut(frame, place, held[:room])
        if len(held) <= room:
            return
        held = held[room - stride :]


def _frame(tokenizer: Tokenizer, before: tuple[Encoding, ...], text: str) -> tuple[Encoding, int]:
    """Return a window with one token of the text, and where that stands."""
    for sample in ("a", text[:LONG], text):
        token = tokenizer.whole(sample)
        if len(token):
            token.truncate(1)
            frame = tokenizer.framed(*before, token)
            return frame, frame.sequence_ids.index(len(before))
    raise InputError("the text has no tokens: give a text in a script that the model reads")
