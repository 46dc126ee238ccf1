"""What the tiny bundles are made of: a tokenizer of few words, a small BERT, texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import transformers
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece

WORDS = (
    "the a an of in at to and is was are not no who what where when keeps keep light ##house "
    "##keeper ##s ##ing ##ed film charming dull lovely ada london paris bern lives works for "
    "acme river sea ship storm lamp oil old new great small red blue green cat dog sat on mat "
    "one two three four five cafe resume naive 東 京 타워 . , ! ? ' - : ; ( ) ##x ##y ##z"
).split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [
    prefix + letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for prefix in ("", "##")
]
# Random weights this large give answers that differ, as trained weights do.
INITIALIZER_RANGE = 0.6
TEXTS = [
    "The old lighthouse keeper lives in London.",
    "a charming film",
    "A dull film, not lovely!",
    "Ada works for ACME in Paris; the CAFÉ is at the river.",
    "é 東京 🙂 naïve résumé",
    "storm",
    "",
    " ".join(["the ship sat on the sea and Ada was in Bern ."] * 12),
]


def make_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """Return an uncased WordPiece tokenizer over `WORDS` and single letters."""
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(SPECIAL + WORDS + LETTERS))}
    fast = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    fast.normalizer = normalizers.BertNormalizer(lowercase=True)
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    fast.decoder = decoders.WordPiece()
    fast.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = dict(zip(("pad", "unk", "cls", "sep", "mask"), SPECIAL, strict=True))
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=fast,
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **{f"{role}_token": token for role, token in names.items()},
    )


def make_config(size: int, **settings: Any) -> transformers.BertConfig:
    """Return the configuration of a two-layer BERT."""
    return transformers.BertConfig(
        vocab_size=size,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=INITIALIZER_RANGE,
        **settings,
    )


def save(model: Any, tokenizer: Any, path: Path) -> None:
    """Save a checkpoint as the Hub holds it."""
    model.eval().save_pretrained(path)
    tokenizer.save_pretrained(path)
