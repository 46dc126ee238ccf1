"""Texts to rows of tokens, some at a time, in order; an error names its text and waits its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from tokenizers import Encoding

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import InputError, OutputError

T = TypeVar("T")
Text = str | tuple[str, str]

_SLICE = 64  # texts tokenised at a time: their full encodings take some 100 bytes a token


def tokenized(
    tokenizer: Tokenizer,
    texts: Iterable[Text],
    sizes: Iterator[int],
    *,
    max_length: int | None = None,
    offsets: bool = False,
    only_first: bool = False,
    item: Callable[[int], str] | None = None,
) -> Iterator[tuple[int, Encoding]]:
    """Tokenize a stream of texts or pairs, each cut to the maximum length.

    Args:
        tokenizer: Tokenizes.
        texts: Read in slices that divide blocks of `sizes` texts.
        sizes: See `edge_distil.streaming.stream`.
        max_length: Another maximum than the model's, in tokens.
        offsets: Say where in its text each token stands.
        only_first: Of a pair that is too long, cut the first text alone.
        item: What an error calls the text of a number; by default ``"text 3: "`` or ``"pair 3: "``.

    Yields:
        The number of each text, and its tokens.

    Raises:
        InputError: A text cannot be tokenized; those before it were yielded.
    """
    for first, part in _slices(texts, sizes):
        try:
            encodings: Iterable[Encoding] = tokenizer.encode(
                part, max_length, offsets=offsets, only_first=only_first
            )
        except InputError:
            encodings = _one_by_one(tokenizer, part, first, max_length, only_first, item)
        yield from enumerate(encodings, first)


def _one_by_one(
    tokenizer: Tokenizer,
    texts: Sequence[Text],
    first: int,
    max_length: int | None,
    only_first: bool,
    item: Callable[[int], str] | None,
) -> Iterator[Encoding]:
    for number, text in enumerate(texts, first):
        usual = f"{'text' if isinstance(text, str) else 'pair'} {number}: "
        with naming((item and item(number)) or usual):
            encodings = tokenizer.encode([text], max_length, only_first=only_first)
        yield encodings[0]


def _slices(items: Iterable[T], sizes: Iterator[int]) -> Iterator[tuple[int, list[T]]]:
    """Yield items in slices, with the number of the first; what the source raises comes last."""
    source, first = iter(items), 0
    for size in sizes:
        for start in range(0, size, _SLICE):
            part: list[T] = []
            try:
                for item in islice(source, min(_SLICE, size - start)):
                    part.append(item)
            except Exception:
                if part:
                    yield first, part
                raise
            if not part:
                return
            yield first, part
            first += len(part)


@contextmanager
def naming(item: str) -> Iterator[None]:
    """Put what is at fault before the message of an error: ``"pair 3: "``, or nothing."""
    try:
        yield
    except (InputError, OutputError) as error:
        if not item:
            raise
        message = str(error.args[0])
        own = message.removeprefix("text 0 ")  # what a tokenizer calls a text that it got alone
        if not item.startswith("pair"):  # behind a text that all have in common: a query
            own = own.removeprefix("text 1 ")
        name = item if own == message else item.replace(":", "")
        raise type(error)(f"{name}{own}") from error
