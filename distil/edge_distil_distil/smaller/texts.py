"""Texts as callers give them, and a tokenizer that reads them whole."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer

from edge_distil.errors import InputError


def as_texts(texts: Iterable[str]) -> list[str]:
    """Return texts as a list.

    Raises:
        InputError: There are none, or one is not a text.
    """
    if isinstance(texts, str):
        raise InputError("texts is one text, expected a list of them: put it in brackets")
    found = list(texts)
    for index, text in enumerate(found):
        if not isinstance(text, str):
            raise InputError(f"text {index} is of type {type(text).__name__}, expected a text")
    if not found:
        raise InputError("there are no texts, expected at least one")
    return found


def plain_tokenizer(backend: Any) -> Tokenizer:
    """Return a copy of a tokenizer of the tokenizers library, without truncation and padding."""
    copy = Tokenizer.from_str(backend.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy
