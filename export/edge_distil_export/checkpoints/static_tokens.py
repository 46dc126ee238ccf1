"""How the library of a table of static embeddings makes tokens of a text.

Neither puts special tokens around it. model2vec cuts a text to ``max_length`` tokens, and before
that to as many characters as these would have were each of the vocabulary's median length, and
leaves unknown tokens out of the mean. sentence-transformers does neither, but heeds the truncation
that ``tokenizer.json`` may state.

Source: ``StaticModel.encode`` and ``_get_unk_token_id`` of model2vec 0.10,
``StaticEmbedding.preprocess`` of sentence-transformers 6.2.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tokenizers import Tokenizer

from edge_distil._reading.printable import first_line
from edge_distil.errors import CheckpointError
from edge_distil.manifest import LONGEST_SEQUENCE
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.static import MODEL2VEC

FILE = "tokenizer.json"
_USUAL_LENGTH = 512  # tokens, where a model2vec configuration says none


@dataclass(frozen=True)
class StaticTokens:
    """A tokenizer and what is read of a text.

    Attributes:
        tokenizer: Neither cuts nor fills up; its special tokens are for the caller to leave out.
        description: ``tokenizer.json``, parsed.
        max_length: Tokens that are read; `LONGEST_SEQUENCE` where the library reads all.
        max_characters: Characters that are read before, ``None`` for all.
        left: A text that is too long loses its beginning, not its end.
        left_out: Id of the token that is no part of the mean.
    """

    tokenizer: Tokenizer
    description: dict[str, Any]
    max_length: int
    max_characters: int | None
    left: bool
    left_out: int | None

    @property
    def largest_id(self) -> int:
        """The greatest id that a text can have."""
        return max(self.tokenizer.get_vocab(with_added_tokens=True).values(), default=0)

    def ids(self, text: str) -> list[int]:
        """Tokenize a text, uncut."""
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return found


def read_tokens(source: Source) -> StaticTokens:
    """Read the tokenizer beside a table.

    Raises:
        CheckpointError: There is none, or it or the configuration's ``max_length`` is damaged.
    """
    file = source.path / FILE
    tokenizer = _load(file, source.name)
    description = json.loads(file.read_text(encoding="utf-8"))
    truncation = tokenizer.truncation or {}
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if source.static == MODEL2VEC:
        limit = _max_length(source)
        characters = None if limit is None else limit * _median_length(tokenizer)
        left, left_out = False, _unknown_id(tokenizer, description)
    else:
        limit, characters, left_out = truncation.get("max_length"), None, None
        left = truncation.get("direction", "right").lower() == "left"
    return StaticTokens(
        tokenizer=tokenizer,
        description=description,
        max_length=limit or LONGEST_SEQUENCE,
        max_characters=characters,
        left=left,
        left_out=left_out,
    )


def _load(file: Path, name: str) -> Tokenizer:
    if not file.is_file():
        raise CheckpointError(
            f"{name} has no {FILE} beside its table of static embeddings, expected the tokenizer "
            "that its rows belong to: fetch the whole checkpoint"
        )
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises plain Exception
        raise CheckpointError(
            f"{name}'s {FILE} cannot be read ({first_line(error)}): fetch it again"
        ) from error


def _max_length(source: Source) -> int | None:
    limit: int | None = source.config.get("max_length", _USUAL_LENGTH)
    whole = isinstance(limit, int) and not isinstance(limit, bool)
    if limit is not None and not (whole and 1 <= limit <= LONGEST_SEQUENCE):
        raise CheckpointError(
            f"{source.name}'s config.json has max_length {limit!r}, expected a number of tokens "
            "from 1, or null for no limit: correct it"
        )
    return limit


def _median_length(tokenizer: Tokenizer) -> int:
    return int(median(map(len, tokenizer.get_vocab(with_added_tokens=True)))) or 1


def _unknown_id(tokenizer: Tokenizer, description: dict[str, Any]) -> int | None:
    """Return the id of what the vocabulary lacks; a Unigram names it by id, others by its text."""
    model = description["model"]
    if model.get("type") == "Unigram" or "unk_id" in model:
        unknown: int | None = model.get("unk_id")
        return unknown
    token = model.get("unk_token")
    return None if token is None else tokenizer.token_to_id(token)
