"""A long text to passages that an embedding model reads whole: some sentences each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_distil._tokenizing.stretches import Tokens, as_tokens, stretches
from edge_distil._tokenizing.tokenizer import Tokenizer

Spans = NDArray[np.int64]  # (n, 2): the first character and the one behind the last

# Tokens of a passage: what sentence-transformers' models are mostly trained on. Of a longer one a
# single sentence says little in the vector.
LONGEST = 128
_SPARE = 8  # one token in so many: a passage alone may have a few more than within its text
_WITHOUT_SPACE = frozenset("。！？｡")  # ends of a sentence that no space follows
_ENDS = frozenset(".!?…") | _WITHOUT_SPACE
_CLOSING = "\"'”’»)]」』"  # may stand behind an end

# Text, its tokens, a place among these -> whether a passage may well begin at that place.
_May = Callable[[str, Tokens, int], bool]


def passages(tokenizer: Tokenizer, text: str, prompt: str = "") -> Spans:
    """Cut a text into passages, none of which a model cuts when it reads them.

    Args:
        tokenizer: The embedding model's.
        text: The text.
        prompt: What is put before each passage.

    Returns:
        ``(passages, 2)``, in order and side by side; of a text without tokens one for the whole.

    Raises:
        InputError: It cannot be tokenized.
    """
    parts = stretches(lambda part: as_tokens(tokenizer.whole(part)), text)
    tokens = np.concatenate(list(parts))
    room = tokenizer.room(1) - (tokenizer.prompt_length(prompt) if prompt else 0)
    size = max(1, min(LONGEST, room - room // _SPARE))
    found, first = [], 0
    while first < len(tokens):
        end = _end(text, tokens, first, size)
        found.append((int(tokens[first, 1]), int(tokens[end - 1, 2])))
        first = end
    return np.array(found or [(0, len(text))], np.int64)


def _end(text: str, tokens: Tokens, first: int, size: int) -> int:
    """Return where the passage ends that begins at a token: at a sentence's end, else a word's.

    The last of the second half counts.
    """
    last = first + size
    if last >= len(tokens):
        return len(tokens)
    ways: tuple[_May, ...] = (_begins_sentence, _begins_word)
    for may in ways:
        for place in range(last, first + size // 2, -1):
            if may(text, tokens, place):
                return place
    return last


def _begins_sentence(text: str, tokens: Tokens, place: int) -> bool:
    end, start = int(tokens[place - 1, 2]), int(tokens[place, 1])
    # Tokens of byte-level tokenizers and of SentencePiece may hold the space before a word.
    between = text[end : start + 1]
    if "\n" in between or text[end - 1 : end] == "\n":
        return True
    mark = text[max(end - 3, 0) : end].rstrip(_CLOSING)[-1:]
    return mark in _ENDS and (mark in _WITHOUT_SPACE or any(map(str.isspace, between)))


def _begins_word(text: str, tokens: Tokens, place: int) -> bool:
    return bool(tokens[place, 3] != tokens[place - 1, 3])
