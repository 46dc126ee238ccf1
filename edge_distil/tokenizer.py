"""Texts to int64 arrays, and long texts to overlapping windows.

Holds no state but the vocabulary: truncation is asked for with each call, so one tokenizer
serves several threads and several lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding

from edge_distil import calls
from edge_distil.errors import InputError, InputTypeError
from edge_distil.manifest import GoldenTokens
from edge_distil.rust import guarded
from edge_distil.tokenizer_file import load

_SURROGATES = range(0xD800, 0xE000)  # halves of a UTF-16 pair, no characters by themselves


class Tokenizer:
    """The tokenizer of a bundle.

    Args:
        path: The bundle's directory.
        max_length: Longest sequence in tokens, special tokens included.
        plain: The directory is no bundle: what its files say beside ``tokenizer.json`` counts.

    Attributes:
        file: Its ``tokenizer.json``.
        pad_id: Id that fills a batch up to its longest row.
        cls_id: Id of the classification token, where there is one.
        mask_id: Id of the mask token, where there is one.
        unknown_id: Id of the token for what the vocabulary lacks, where there is one.
        mask_token: Its text.
        token_types: The model is told the texts of a pair apart; else all token types are 0.

    Raises:
        BundleFileMissing: There is no ``tokenizer.json``.
        BundleCorrupt: It or a file beside it cannot be read.
    """

    def __init__(self, path: Path, max_length: int, *, plain: bool = False) -> None:
        self.max_length = max_length
        self.file = path / "tokenizer.json"
        self._fast, settings = load(path, plain=plain)
        self._side = "left" if settings.truncate_left else "right"
        self.token_types = settings.token_types
        self.pad_id = self._id(settings.special.get("pad_token")) or 0
        self.cls_id = self._id(settings.special.get("cls_token"))
        self.unknown_id = self._id(settings.special.get("unk_token"))
        self.mask_token = settings.special.get("mask_token")
        self.mask_id = self._id(self.mask_token)

    @guarded
    def encode(
        self,
        texts: Sequence[str | tuple[str, str]],
        max_length: int | None = None,
        *,
        offsets: bool = True,
    ) -> list[Encoding]:
        """Tokenize texts or pairs, each cut to the maximum length.

        What is cut is the end, or the beginning where the checkpoint's tokenizer says so
        (``truncation_side``).

        Args:
            texts: The texts; an empty one gives the special tokens alone. Of a pair the longer
                half is cut first.
            max_length: Another maximum than the model's, in tokens.
            offsets: Say where in its text each token stands; without is quicker.

        Raises:
            InputError: A text is no text, or holds half a surrogate pair.
        """
        rows = [text if isinstance(text, tuple) else (text,) for text in texts]
        pieces = iter(self._pieces([part for row in rows for part in row], offsets=offsets))
        room = {sequences: self.room(sequences, max_length) for sequences in {len(r) for r in rows}}
        return [self._cut([next(pieces) for _ in row], room[len(row)]) for row in rows]

    @guarded
    def encode_one(self, text: str) -> Encoding:
        """Return what `encode` gives for one text, in a third less time where it is short.

        Raises:
            InputError: It is no text, or holds half a surrogate pair.
        """
        try:
            whole = self._fast.encode(text)
        except TypeError as error:
            raise wrong_text([text]) from error
        return whole if len(whole) <= self.max_length else self.encode([text])[0]

    @guarded
    def windows(self, text: str, stride: int) -> list[Encoding]:
        """Tokenize a text of any length into windows that overlap by `stride` tokens."""
        piece = self._pieces([text])[0]
        piece.truncate(self.room(1), stride=stride, direction=self._side)
        return [self._fast.post_process(window) for window in [piece, *piece.overflowing]]

    @guarded
    def pair_windows(
        self, first: str, second: str, *, max_length: int, stride: int, max_first: int
    ) -> list[Encoding]:
        """Tokenize a pair into windows over the second text.

        Args:
            first: The text that every window holds (a question).
            second: The text that is cut into windows (its context).
            max_length: Length of a window in tokens, special tokens included.
            stride: Tokens by which neighbouring windows overlap.
            max_first: `first` is cut to so many tokens.

        Raises:
            InputError: `first` and `stride` leave no room for `second`.
        """
        question, context = self._pieces([first, second])
        question.truncate(min(max_first, len(question)), direction=self._side)
        room = self.room(2, max_length) - len(question)
        if room <= stride:
            raise InputError(
                f"a window of max_seq_len {max_length} leaves {room} tokens beside a question of "
                f"{len(question)}, expected more than doc_stride {stride}: raise max_seq_len or "
                "lower doc_stride or max_question_len"
            )
        context.truncate(room, stride=stride, direction=self._side)
        return [self._fast.post_process(question, part) for part in [context, *context.overflowing]]

    @guarded
    def prompt_length(self, prompt: str) -> int:
        """Return how many tokens a prompt takes at the start of a text.

        Source: ``Transformer._get_prompt_length`` of sentence-transformers, which counts the
        prompt alone, without the special token behind it.
        """
        ids = self.encode_one(prompt).ids
        special = {i for i, t in self._fast.get_added_tokens_decoder().items() if t.special}
        return len(ids) - any(last in special for last in ids[-1:])

    @guarded
    def room(self, sequences: int, max_length: int | None = None) -> int:
        """Return how many tokens fit beside the special tokens of one text or of a pair."""
        length = min(max_length or self.max_length, self.max_length)
        room = length - self._fast.num_special_tokens_to_add(sequences == 2)
        if room < 1:
            raise InputError(
                f"a maximum length of {length} leaves no room beside the special tokens: raise it"
            )
        return room

    def size(self, *, added: bool = True) -> int:
        """Return the number of entries in the vocabulary, with or without those added to it."""
        return self._fast.get_vocab_size(with_added_tokens=added)

    def token(self, token_id: int) -> str:
        """Return the vocabulary's entry."""
        return self._fast.id_to_token(token_id) or ""

    def token_id(self, token: str) -> int | None:
        """Return the id of a vocabulary entry; none holds half a surrogate pair."""
        try:
            return self._fast.token_to_id(token)
        except UnicodeEncodeError:
            return None

    @guarded
    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = True) -> str:
        """Return the text of token ids."""
        return self._fast.decode(list(ids), skip_special_tokens=skip_special_tokens)

    @guarded
    def mismatches(self, golden: Iterable[GoldenTokens]) -> list[GoldenTokens]:
        """Return the probes to which this tokenizer gives other ids than the checkpoint's did."""
        return [g for g in golden if tuple(self._fast.encode(g.text).ids) != g.ids]

    def _cut(self, pieces: list[Encoding], room: int) -> Encoding:
        lengths = fit([len(piece) for piece in pieces], room)
        for piece, length in zip(pieces, lengths, strict=True):
            piece.truncate(length, direction=self._side)
        return self._fast.post_process(pieces[0], pieces[1] if len(pieces) > 1 else None)

    def _pieces(self, texts: Sequence[str], *, offsets: bool = True) -> list[Encoding]:
        """Tokenize without special tokens, so that there is room to cut."""
        encode = self._fast.encode_batch if offsets else self._fast.encode_batch_fast
        try:
            return encode(list(texts), add_special_tokens=False)
        except TypeError as error:
            raise wrong_text(texts) from error

    def _id(self, token: str | None) -> int | None:
        return None if token is None else self._fast.token_to_id(token)


def fit(lengths: Sequence[int], room: int) -> list[int]:
    """Cut one length, or two, to fit into `room`, as tokenizers' "longest first" does.

    >>> fit([9], 4), fit([9, 3], 8), fit([9, 8], 7)
    ([4], [5, 3], [4, 3])
    """
    if sum(lengths) <= room:
        return list(lengths)
    if len(lengths) == 1:
        return [room]
    short = min(lengths)
    if short <= room - short:
        return [short if length == short else room - short for length in lengths]
    halves = [room // 2, room - room // 2]
    return halves if lengths[0] <= lengths[1] else halves[::-1]


class Encoded(Protocol):
    """What a batch is made of: an ``Encoding``, or a `streaming.Row`."""

    @property
    def ids(self) -> Any:
        """Token ids, in order."""

    @property
    def type_ids(self) -> Any:
        """Of each token, which of the two texts it belongs to."""

    def __len__(self) -> int: ...


def collate(
    encodings: Sequence[Encoded],
    pad_id: int,
    width: int | None = None,
    *,
    token_types: bool = True,
) -> dict[str, NDArray[np.int64]]:
    """Pad encodings on the right to one batch.

    Args:
        encodings: One for each row.
        pad_id: Fills ``input_ids``.
        width: Tokens of a padded row; by default those of the longest.
        token_types: Tell the texts of a pair apart; else all token types are 0.

    Returns:
        ``input_ids``, ``attention_mask`` and ``token_type_ids``, each int64
        ``(batch, sequence)``.
    """
    shape = (len(encodings), width or max(len(encoding) for encoding in encodings))
    ids = np.full(shape, pad_id, np.int64)
    mask = np.zeros(shape, np.int64)
    types = np.zeros(shape, np.int64)
    for row, encoding in enumerate(encodings):
        end = len(encoding)
        ids[row, :end] = encoding.ids
        mask[row, :end] = 1
        if token_types:
            types[row, :end] = encoding.type_ids
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def wrong_text(texts: Sequence[Any], first: int = 0) -> InputError:
    """Say which of the texts cannot be tokenized, and why.

    Args:
        texts: At least one of them is no text, or holds half a surrogate pair.
        first: The number of the first.
    """
    error = InputError if all(isinstance(text, str) for text in texts) else InputTypeError
    return error(_what_is_wrong(texts, first))


def _what_is_wrong(texts: Sequence[Any], first: int) -> str:
    for index, text in enumerate(texts, first):
        if not isinstance(text, str):
            return f"text {index} is {calls.kind(text)}, expected str: convert it"
        for position, character in enumerate(text):
            if ord(character) in _SURROGATES:
                return (
                    f"text {index} has half a surrogate pair (U+{ord(character):04X}) at character "
                    f"{position}, expected whole characters: decode the source as UTF-8, or use "
                    "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
                )
    return f"the {len(texts)} texts cannot be tokenized, expected str: convert them"
