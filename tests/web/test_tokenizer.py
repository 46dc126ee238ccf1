"""The JavaScript tokenizer beside the library itself, on every character and on random texts."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from golden_tokenizers import TEXTS, fuzzed, make_bpe, make_unigram, open_tokenizers, sample
from tokenizers import AddedToken, Tokenizer, normalizers, pre_tokenizers, processors

HERE = Path(__file__).parent
FUZZED = 20_000
SEED = 1
STEP = 13  # of the characters beyond the first 0x3000; all of them are a slow test
CHUNK = 5_000


def with_settings_of_other_families() -> Tokenizer:
    """A byte-level BPE as BART's and DeBERTa's are: a space put before, NFC, a template."""
    made = make_bpe(sample())
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    template = processors.TemplateProcessing(
        single="<s> $A", pair="$A </s> $B:1", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    trim = processors.ByteLevel(add_prefix_space=True, trim_offsets=True)
    made.post_processor = processors.Sequence([trim, template])
    return made


def like_albert() -> Tokenizer:
    """A Unigram as ALBERT's is: rules before the compiled table, Metaspace at the start."""
    made = make_unigram(sample(), compiled=True)
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(),
            normalizers.Lowercase(), made.normalizer,
        ]
    )  # fmt: skip
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    return made


def cased_with_added_tokens() -> Tokenizer:
    """WordPiece that keeps case and accents, with tokens added in every way there is."""
    made = open_tokenizers()["wordpiece"]
    made.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    made.add_tokens(
        [
            AddedToken("Zürich", single_word=True), AddedToken("tele", normalized=False),
            AddedToken("tele2", normalized=False), AddedToken(" and", rstrip=True),
        ]
    )  # fmt: skip
    return made


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "wordpiece": lambda: open_tokenizers()["wordpiece"],
    "bpe": lambda: open_tokenizers()["bpe"],
    "unigram": lambda: open_tokenizers()["unigram"],
    "unigram-compiled": lambda: make_unigram(sample(), compiled=True),
    "other-families": with_settings_of_other_families,
    "albert": like_albert,
    "added": cased_with_added_tokens,
}


def characters(step: int) -> list[str]:
    """Every character, or every so many beyond the first 0x3000."""
    codes = [*range(0x3000), *range(0x3000, 0x110000, step)]
    return [chr(code) for code in codes if not 0xD800 <= code < 0xE000]


def questions(folder: Path) -> list[str]:
    """The questions of SQuAD's development set, and the passages of a part of it."""
    dev = json.loads((folder / "squad" / "dev.json").read_text(encoding="utf-8"))
    words = json.loads((folder / "tokens" / "question_tokens.json").read_text(encoding="utf-8"))
    passages = [p["context"] for article in dev["data"] for p in article["paragraphs"]]
    asked = [question["original"] for question in words]
    assert len(asked) == 10_570
    return [*asked, *passages]


def described(tokenizer: Tokenizer, texts: Iterable[str]) -> Iterator[str]:
    """Lines of a text and what the library makes of it."""
    texts = list(texts)
    for first in range(0, len(texts), CHUNK):
        chunk = texts[first : first + CHUNK]
        for text, e in zip(chunk, tokenizer.encode_batch(chunk), strict=True):
            yield json.dumps([text, e.ids, e.offsets, e.word_ids, e.type_ids])


@pytest.mark.web
@pytest.mark.parametrize("name", TOKENIZERS)
def test_texts_give_the_librarys_tokens(name: str, runtime: Path, tmp_path: Path) -> None:
    texts = [*characters(STEP), *fuzzed(FUZZED // 4, SEED), *TEXTS]
    check(TOKENIZERS[name](), texts, runtime, tmp_path)


@pytest.mark.web
@pytest.mark.slow
@pytest.mark.parametrize("name", ["wordpiece", "bpe", "unigram-compiled"])
def test_every_character_gives_the_librarys_tokens(
    name: str, runtime: Path, tmp_path: Path
) -> None:
    data = os.environ.get("EDGE_DISTIL_DATA")
    texts = [*characters(1), *fuzzed(FUZZED, SEED), *(questions(Path(data)) if data else [])]
    check(TOKENIZERS[name](), texts, runtime, tmp_path)


def check(tokenizer: Tokenizer, texts: list[str], runtime: Path, folder: Path) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    lines = "\n".join(described(tokenizer, texts))
    command = ["node", HERE / "compare_tokens.mjs", runtime, folder / "tokenizer.json"]
    run = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    *different, count = run.stdout.splitlines()
    assert int(count) == len(texts)
    assert not different, f"{len(different)} differ: {different[:3]}"
