"""Small tokenizers of every kind, and texts that are hard to cut."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on; 1,024 times.",
    "Paris is the capital of France. Ada Lovelace lived in London, didn't she?",
    "Où était le café? L'été à Nîmes, naïve façade — cœur. 東京は日本の首都です。京都もある。",
    "def f(x):\n    return x ** 2  # comment\n\nhttps://example.org/a/b?c=d&e=f",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEMPLATE = processors.TemplateProcessing(
    single="[CLS] $A [SEP]",
    pair="[CLS] $A [SEP] $B:1 [SEP]:1",
    special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
)


def _train(tokenizer: Tokenizer, trainer: trainers.Trainer) -> Tokenizer:
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True)])
    tokenizer.add_tokens([AddedToken("new york", single_word=True, normalized=True)])
    tokenizer.post_processor = TEMPLATE
    return tokenizer


def wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=260, special_tokens=SPECIAL, show_progress=False)
    return _train(tokenizer, trainer)


def byte_pairs() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    return _train(tokenizer, trainer)


def unigram() -> Tokenizer:
    """As XLM-RoBERTa: NFKC, runs of spaces made one, Metaspace."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=220, special_tokens=SPECIAL, unk_token="[UNK]", show_progress=False
    )
    return _train(tokenizer, trainer)


def merged_normalizers() -> Tokenizer:
    """Normalizers that merge and drop characters, in front of words by a pattern."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(),
         normalizers.Replace("...", "…"), normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )  # fmt: skip
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    return _train(tokenizer, trainer)


def without_words() -> Tokenizer:
    """A text is one word: BPE over all of it, as SentencePiece without a split does it."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, show_progress=False)
    return _train(tokenizer, trainer)


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "wordpiece": wordpiece,
    "byte_pairs": byte_pairs,
    "unigram": unigram,
    "merged_normalizers": merged_normalizers,
    "without_words": without_words,
}


@cache
def saved(kind: str) -> str:
    return KINDS[kind]().to_str()


def save(kind: str, folder: Path, side: str = "right", longest: int = 64) -> Path:
    """Write a tokenizer as a bundle has it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(saved(kind), encoding="utf-8")
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    config = {f"{role}_token": token for role, token in names.items()}
    config |= {"truncation_side": side, "model_max_length": longest}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def prose(draw: random.Random, length: int) -> str:
    words = " ".join(CORPUS).split()
    text = ""
    while len(text) < length:
        text += draw.choice([" ", " ", " ", "  ", "\n", ""]) + draw.choice(words)
    return text[:length]


def hard_texts(draw: random.Random, length: int) -> dict[str, str]:
    """Texts of some length whose tokens are hard to tell from a part of them."""
    half = length // 2
    return {
        "prose": prose(draw, length),
        "one letter": "a" * length,
        "letters": "".join(draw.choices("abth", k=length)),
        "spaces": " " * length,
        "spaces between": "the" + " " * length + "dog",
        "a long word": prose(draw, half) + " " + "ab" * half + prose(draw, half),
        "a long word first": "x" * half + " " + prose(draw, half),
        "accents": ("e" + "\u0301" * 40) * (length // 41),
        "no spaces": "東京は日本の首都です。" * (length // 11),
        "masks": "[MASK] the " * (length // 11),
        "added": "new york  new yorker " * (length // 21),
        "dots": "." * length,
        "noise": "".join(chr(draw.randrange(32, 0x2FFF)) for _ in range(length)),
    }
