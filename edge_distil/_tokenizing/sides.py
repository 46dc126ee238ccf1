"""Queries and documents of late interaction to the rows of tokens that its model gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from edge_distil._reading.manifest_late import LateSettings
from edge_distil._tokenizing.reading import tokenized
from edge_distil._tokenizing.rows import Expanded, Row
from edge_distil._tokenizing.tokenizer import Tokenizer


def side_rows(
    tokenizer: Tokenizer,
    settings: LateSettings,
    texts: Iterable[str],
    blocks: Iterator[int],
    *,
    query: bool,
    item: Callable[[int], str] | None = None,
) -> Iterator[tuple[int, Row]]:
    """Tokenize queries or documents, each behind its prompt and cut to its longest sequence.

    Args:
        tokenizer: Tokenizes.
        settings: How either side is read.
        texts: The texts.
        blocks: See `edge_distil.streaming.sizes`.
        query: They are queries, which are filled up where the settings say so.
        item: What an error calls the text of a number.

    Yields:
        The number of each text, and its tokens.

    Raises:
        InputError: A text cannot be tokenized; those before it were yielded.
    """
    side = settings.query if query else settings.document
    prompted = (side.prompt + text for text in texts)
    found = tokenized(tokenizer, prompted, blocks, max_length=side.max_length, item=item)
    for number, encoding in found:
        row, filled = Row.of(encoding), settings.expansion if query else None
        if filled is not None:
            row = Expanded.filled(row, filled.length, filled.token, attend=filled.attend)
        yield number, row
