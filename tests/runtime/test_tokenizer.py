"""Cutting and windows against tokenizers' own truncation; texts that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import InputError

BUNDLE = Path(__file__).parents[1] / "golden" / "tiny" / "question_answering"
OURS = Tokenizer(BUNDLE, max_length=64)
FIELDS = ("ids", "type_ids", "offsets", "word_ids", "special_tokens_mask")

words = st.lists(
    st.sampled_from(["the", "keeper", "café", "東京", "🙂", "e\u0301", ".", "xyz"]),
    min_size=1,
    max_size=40,
)
texts = words.map(" ".join)


def theirs(length: int, stride: int = 0, strategy: str = "longest_first") -> FastTokenizer:
    fast = FastTokenizer.from_file(str(BUNDLE / "tokenizer.json"))
    fast.no_padding()
    fast.enable_truncation(length, stride=stride, strategy=strategy)
    return fast


@given(texts, st.integers(3, 30))
def test_one_text_is_cut_as_tokenizers_does(text: str, length: int) -> None:
    [got] = OURS.encode([text], max_length=length)
    want = theirs(length).encode(text)
    assert [getattr(got, f) for f in FIELDS] == [getattr(want, f) for f in FIELDS]


@given(texts | st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.integers(3, 70))
def test_the_short_way_gives_the_same(text: str, length: int) -> None:
    got = Tokenizer(BUNDLE, length).encode_one(text)
    want = theirs(length).encode(text)
    assert (got.ids, got.type_ids) == (want.ids, want.type_ids)


@given(texts, texts, st.integers(5, 30))
def test_a_pair_is_cut_as_tokenizers_does(first: str, second: str, length: int) -> None:
    [got] = OURS.encode([(first, second)], max_length=length)
    want = theirs(length).encode(first, second)
    assert [getattr(got, f) for f in FIELDS] == [getattr(want, f) for f in FIELDS]


@given(texts, st.integers(16, 30), st.integers(0, 8))
def test_windows_are_those_of_tokenizers(context: str, length: int, stride: int) -> None:
    got = OURS.pair_windows("the keeper", context, max_length=length, stride=stride, max_first=64)
    first = theirs(length, stride, "only_second").encode("the keeper", context)
    want = [first, *first.overflowing]
    assert [[getattr(w, f) for f in FIELDS] for w in got] == [
        [getattr(w, f) for f in FIELDS] for w in want
    ]
    assert [[s == 1 for s in w.sequence_ids] for w in got] == [
        [s == 1 for s in w.sequence_ids] for w in want
    ]


def test_half_a_surrogate_pair_is_named() -> None:
    with pytest.raises(InputError, match=r"text 1 has half a surrogate pair \(U\+D83D\) at .* 2"):
        OURS.encode(["fine", "a \ud83d"])
