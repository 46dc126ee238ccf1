"""Texts and pairs to logits by the one scheduler: what every classifier is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from edge_distil._tokenizing.reading import Text, tokenized
from edge_distil._tokenizing.rows import Row
from edge_distil.encoder import Encoder
from edge_distil.pooling import Floats, sigmoid, softmax
from edge_distil.streaming import is_long, reading, sizes, stream

P = TypeVar("P")

_LOGITS = "logits"


def read(
    encoder: Encoder,
    texts: Iterable[Text],
    say: Callable[[Floats], P],
    *,
    known: bool,
    item: Callable[[int], str] | None = None,
    batch_size: int | None = None,
    long: bool = False,
    only_first: bool = False,
) -> Iterator[P]:
    """Run texts or pairs, and read the logits of each.

    Args:
        encoder: Runs them.
        texts: Texts or pairs, checked.
        say: The logits ``(labels,)`` of one -> what is said of it.
        known: All texts are there, and all results are waited for.
        item: What an error calls the text of a number; by default ``"text 3: "``.
        batch_size: At most so many a batch.
        long: It is long work; see `long_work`.
        only_first: A pair that is too long loses of its first text alone, which has room.

    Yields:
        What is said of each, in order.

    Raises:
        InputError: A text cannot be tokenized; what is said of those before it comes first.
        OutputError: The model gives no logits, or none that are finite.
    """

    def hear(_: int, row: Row, found: dict[str, Floats]) -> P:
        return say(encoder.check.finite(_LOGITS, found[_LOGITS]))

    found = tokenized(
        encoder.tokenizer, texts, sizes(known=known), item=item, only_first=only_first
    )
    said = stream(
        encoder,
        ((number, Row.of(encoding)) for number, encoding in found),
        reading((_LOGITS,), hear, item or "text {}: ".format),
        blocks=sizes(known=known),
        batch_size=batch_size,
        long=long,
    )
    return (what for _, what in said)


def scores(logits: Floats, function: str) -> Floats:
    """Turn logits ``(labels,)`` into scores of the same shape, by one of `manifest.FUNCTIONS`."""
    if function == "none":
        return logits
    return sigmoid(logits) if function == "sigmoid" else softmax(logits)


def long_work(texts: Iterable[Any], times: int = 1) -> bool:
    """Say whether texts are long work, as far as they are there: a list, not a stream.

    Args:
        texts: Texts or pairs, not checked yet.
        times: How often each is read.
    """
    if not isinstance(texts, list | tuple):
        return False
    return is_long(times * sum(map(_characters, texts)))


def _characters(text: Any) -> int:
    parts = text if isinstance(text, tuple) else (text,)
    return sum(len(part) for part in parts if isinstance(part, str))
