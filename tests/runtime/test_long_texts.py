"""Long texts: the same tokens as of the whole, from as little of it as will do."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer as FastTokenizer
from tokenizers_of_every_kind import KINDS, hard_texts, prose, save

from edge_distil._tokenizing.shortening import LONG, fit
from edge_distil._tokenizing.tokenizer import Tokenizer

pytestmark = pytest.mark.wide

LENGTHS = (LONG + 1, 2 * LONG + 6)


def truth(folder: Path, side: str, longest: int) -> FastTokenizer:
    """The library itself, cutting what it has tokenized whole."""
    fast = FastTokenizer.from_file(str(folder / "tokenizer.json"))
    fast.enable_truncation(longest, direction=side)
    return fast


@pytest.mark.parametrize("longest", [16, 512])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_long_text_has_the_tokens_of_the_whole(
    kind: str, side: str, longest: int, tmp_path: Path
) -> None:
    folder = save(kind, tmp_path, side, longest)
    ours, theirs = Tokenizer(folder, longest), truth(folder, side, longest)
    draw = random.Random(f"{kind} {side} {longest}")
    for length in LENGTHS:
        for name, text in hard_texts(draw, length).items():
            expected = theirs.encode(text)
            for offsets in (True, False):
                [got] = ours.encode([text], offsets=offsets)
                assert got.ids == expected.ids, (name, length)
            [placed] = ours.encode([text])
            assert placed.offsets == expected.offsets, (name, length)
            assert ours.encode_one(text).ids == expected.ids


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_long_pair_has_the_tokens_of_the_whole(kind: str, side: str, tmp_path: Path) -> None:
    """With an even and an odd number of tokens to share out, whichever is longer."""
    draw = random.Random(kind + side)
    texts = [prose(draw, length) for length in (9, 300, LONG + 9, LONG + 90, 5 * LONG)]
    for longest in (32, 33, 64):
        folder = save(kind, tmp_path / str(longest), side, longest)
        ours = Tokenizer(folder, longest)
        fast = FastTokenizer.from_file(str(folder / "tokenizer.json"))
        whole = [fast.encode(text, add_special_tokens=False).ids for text in texts]
        pairs = [(a, b) for a in range(len(texts)) for b in range(len(texts))]
        found = ours.encode([(texts[a], texts[b]) for a, b in pairs], offsets=False)
        for (a, b), got in zip(pairs, found, strict=True):
            # The library's own cut keeps every combination of what it leaves out: gigabytes here.
            first, second = fit([len(whole[a]), len(whole[b])], longest - 3)
            kept = slice(first), slice(second)
            if side == "left":
                kept = slice(len(whole[a]) - first, None), slice(len(whole[b]) - second, None)
            assert got.ids == [2, *whole[a][kept[0]], 3, *whole[b][kept[1]], 3]
            assert got.type_ids == [0] * (first + 2) + [1] * (second + 1)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"without_words"}))
def test_no_more_is_tokenized_than_can_be_used(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten megabytes cost some thousand characters, whatever stands behind them."""
    tokenizer = Tokenizer(save(kind, tmp_path), 64)
    seen: list[int] = []
    pieces = tokenizer._pieces

    def counted(texts: Any, **options: Any) -> Any:
        seen.extend(map(len, texts))
        return pieces(texts, **options)

    monkeypatch.setattr(tokenizer, "_pieces", counted)
    text = prose(random.Random(3), 10_000) * 1_000
    [encoding] = tokenizer.encode([text])
    assert len(encoding) == 64
    assert sum(seen) < 10_000
