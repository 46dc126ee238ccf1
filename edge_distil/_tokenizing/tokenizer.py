"""Texts to tokens, and long texts to overlapping windows.

Holds no state but the vocabulary: truncation is asked for with each call, so one tokenizer
serves several threads and several lengths.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Encoding

from edge_distil._reading.rust import guarded
from edge_distil._tokenizing.file import load
from edge_distil._tokenizing.shortening import LONG, fit, shortened
from edge_distil._tokenizing.stretches import as_tokens, stretches
from edge_distil.calls import wrong_text
from edge_distil.errors import InputError
from edge_distil.manifest import GoldenTokens


class Tokenizer:
    """The tokenizer of a bundle.

    Args:
        path: The bundle's directory.
        max_length: Longest sequence in tokens, special tokens included.
        plain: The directory is not a bundle: what its files say beside ``tokenizer.json`` counts.

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
        self._characters = settings.max_characters
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
        only_first: bool = False,
    ) -> list[Encoding]:
        """Tokenize texts or pairs, each cut to the maximum length.

        What is cut is the end, or the beginning where the checkpoint's tokenizer says so
        (``truncation_side``).

        Args:
            texts: The texts; an empty one gives the special tokens alone. Of a pair the longer
                half is cut first.
            max_length: Another maximum than the model's, in tokens.
            offsets: Say where in its text each token stands; without is quicker.
            only_first: Of a pair the first text alone is cut, for which the second leaves room.

        Raises:
            InputError: A text is not a str, or holds half a surrogate pair.
        """
        rows: list[tuple[str, ...]]
        rows = [text if isinstance(text, tuple) else (text,) for text in texts]
        if self._characters is not None:
            rows = [tuple(map(self._beginning, row)) for row in rows]
        room = {sequences: self.room(sequences, max_length) for sequences in {len(r) for r in rows}}
        longer: dict[int, bool] = {}
        for index, row in enumerate(rows):
            if any(isinstance(part, str) and len(part) > LONG for part in row):
                rows[index] = self._shortened(row, room[len(row)], offsets=offsets)
                if len(row) == 2 and rows[index] != row:
                    longer[index] = self._first_is_longer(row)
        pieces = iter(self._pieces([part for row in rows for part in row], offsets=offsets))
        return [
            self._cut([next(pieces) for _ in row], room[len(row)], longer.get(index), only_first)
            for index, row in enumerate(rows)
        ]

    @guarded
    def encode_one(self, text: str) -> Encoding:
        """Return what `encode` gives for one text, in a third less time where it is short.

        Raises:
            InputError: It is not a text, or holds half a surrogate pair.
        """
        text = self._beginning(text)
        if isinstance(text, str) and len(text) > LONG:
            return self.encode([text])[0]
        try:
            whole = self._fast.encode(text)
        except TypeError as error:
            raise wrong_text([text]) from error
        return whole if len(whole) <= self.max_length else self.encode([text])[0]

    @guarded
    def windows(self, text: str, stride: int) -> list[Encoding]:
        """Tokenize a text into windows that overlap by `stride` tokens, from its beginning on."""
        piece = self.whole(text)
        piece.truncate(self.room(1), stride=stride)
        return [self.framed(window) for window in [piece, *piece.overflowing]]

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
        question, room = self.question(
            first, max_length=max_length, stride=stride, max_first=max_first
        )
        context = self.whole(second)
        context.truncate(room, stride=stride, direction=self._side)
        return [self.framed(question, part) for part in [context, *context.overflowing]]

    def question(
        self, first: str, *, max_length: int, stride: int, max_first: int
    ) -> tuple[Encoding, int]:
        """Tokenize the text that every window holds; return the room that it leaves, too.

        Raises:
            InputError: It and `stride` leave no room; see `pair_windows`.
        """
        if not self.cuts_left:
            first = shortened(self.whole, first, max_first)
        question = self.whole(first)
        for length in (max_first + 1, max_first):  # twice: see `_cut`
            question.truncate(min(length, len(question)), direction=self._side)
        room = self.room(2, max_length) - len(question)
        if room <= stride:
            raise InputError(
                f"a window of max_seq_len {max_length} leaves {room} tokens beside a question of "
                f"{len(question)}, expected more than doc_stride {stride}: raise max_seq_len or "
                "lower doc_stride or max_question_len"
            )
        return question, room

    @guarded
    def whole(self, text: str) -> Encoding:
        """Tokenize a text without special tokens, however long it is."""
        return self._pieces([text])[0]

    @guarded
    def framed(self, *texts: Encoding) -> Encoding:
        """Put special tokens around one text, or two."""
        return self._fast.post_process(texts[0], texts[1] if len(texts) > 1 else None)

    @property
    def cuts_left(self) -> bool:
        """True where a text that is too long loses its beginning."""
        return self._side == "left"

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

    def _beginning(self, text: str) -> str:
        """Return what is tokenized of a text at most; what is none is left to the library."""
        return text[: self._characters] if isinstance(text, str) else text

    def _shortened(self, row: tuple[str, ...], room: int, *, offsets: bool) -> tuple[str, ...]:
        """Cut texts to what is read of them; lengths in tokens above the room stay above it."""
        left = self.cuts_left
        texts = all(isinstance(part, str) for part in row)
        if not texts or (left and offsets):  # offsets are counted from the text's beginning
            return row
        return tuple(shortened(self.whole, part, room, left=left) for part in row)

    def _first_is_longer(self, row: tuple[str, ...]) -> bool:
        """Say which text of a pair has more tokens: it gets the odd one of those that fit."""
        first, second = (
            sum(map(len, stretches(lambda part: as_tokens(self.whole(part)), text))) for text in row
        )
        return first > second

    def _cut(
        self, pieces: list[Encoding], room: int, first_is_longer: bool | None, only_first: bool
    ) -> Encoding:
        *_, last = whole = [len(piece) for piece in pieces]
        lengths = fit(whole, room)
        if only_first and len(pieces) == 2:
            lengths = [min(whole[0], room - last), last]
        if first_is_longer is not None and min(map(len, pieces)) > room:
            lengths.sort(reverse=first_is_longer)
        for piece, length in zip(pieces, lengths, strict=True):
            # What is left out is kept as one piece of one token: the library frames every
            # combination of the pieces that two long texts leave out.
            piece.truncate(length + 1, direction=self._side)
            piece.truncate(length, direction=self._side)
        return self.framed(*pieces)

    def _pieces(self, texts: Sequence[str], *, offsets: bool = True) -> list[Encoding]:
        """Tokenize without special tokens, so that there is room to cut."""
        encode = self._fast.encode_batch if offsets else self._fast.encode_batch_fast
        try:
            return encode(list(texts), add_special_tokens=False)
        except TypeError as error:
            raise wrong_text(texts) from error

    def _id(self, token: str | None) -> int | None:
        return None if token is None else self._fast.token_to_id(token)
