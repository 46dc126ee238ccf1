"""Tiny random checkpoints with a trained tokenizer of each kind that can be cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

import edge_distil_apps

PASSAGES = json.loads(
    (Path(edge_distil_apps.__file__).parent / "data" / "passages.json").read_text(encoding="utf-8")
)
CORPUS = [p["context"] for article in PASSAGES["data"] for p in article["paragraphs"]]
PIECES = 1500
POSITIONS = 64
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]  # the pad is 1, as in RoBERTa
_BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}


def word_pieces() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    _train(tokenizer, trainers.WordPieceTrainer, special_tokens=_BERT)
    return tokenizer


def byte_pairs() -> Tokenizer:
    """RoBERTa's kind: letters stand for bytes, merges make the rest."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    _train(tokenizer, trainers.BpeTrainer, special_tokens=SPECIAL, initial_alphabet=letters)
    return tokenizer


def suffixed_pairs() -> Tokenizer:
    """The kind of CLIP and of the first GPT: pieces at the end of a word are marked."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    _train(tokenizer, trainers.BpeTrainer, special_tokens=SPECIAL, end_of_word_suffix="</w>")
    return tokenizer


def unigrams() -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    _train(tokenizer, trainers.UnigramTrainer, special_tokens=SPECIAL, unk_token="<unk>")
    return tokenizer


KINDS: dict[str, Callable[[], Tokenizer]] = {
    "WordPiece": word_pieces,
    "byte-level BPE": byte_pairs,
    "BPE with suffixes": suffixed_pairs,
    "Unigram": unigrams,
}


def _train(tokenizer: Tokenizer, trainer: Any, **options: Any) -> None:
    tokenizer.train_from_iterator(
        CORPUS, trainer(vocab_size=PIECES, show_progress=False, **options)
    )


def scattered(tokenizer: Tokenizer) -> Tokenizer:
    """Give the special tokens but the pad ids between those of others, as in published models."""
    document = json.loads(tokenizer.to_str())
    tokens = [t for t in document["added_tokens"] if "pad" not in t["content"].lower()]
    vocabulary = document["model"]["vocab"]
    for number, token in enumerate(tokens):
        old, new = token["id"], len(vocabulary) - 7 * (number + 1)
        token["id"] = new
        if isinstance(vocabulary, list):
            vocabulary[old], vocabulary[new] = vocabulary[new], vocabulary[old]
            if document["model"]["unk_id"] == old:
                document["model"]["unk_id"] = new
        else:
            [other] = [piece for piece, index in vocabulary.items() if index == new]
            vocabulary[other], vocabulary[token["content"]] = old, new
    return Tokenizer.from_str(json.dumps(document))


def checkpoint(
    folder: Path, kind: str, head: str = "MaskedLM", tokenizer: Tokenizer | None = None
) -> Path:
    """Write a checkpoint: BERT with WordPiece, else XLM-RoBERTa, whose positions follow the pad."""
    tokenizer = scattered(tokenizer or KINDS[kind]())
    bert = kind == "WordPiece"
    first, last = ("[CLS]", "[SEP]") if bert else ("<s>", "</s>")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}",
        pair=f"{first} $A {last} $B {last}",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in (first, last)],
    )
    family = "Bert" if bert else "XLMRoberta"
    names = _BERT if bert else SPECIAL
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=POSITIONS,
        pad_token_id=tokenizer.token_to_id(names[0] if bert else names[1]),
        bos_token_id=tokenizer.token_to_id(first),
        eos_token_id=tokenizer.token_to_id(last),
        **_SIZES,
    )
    model = getattr(transformers, f"{family}For{head}" if head else f"{family}Model")(config)
    for table in (model.get_input_embeddings(), model.get_output_embeddings()):
        if getattr(table, "bias", None) is not None:
            torch.nn.init.normal_(table.bias)  # zeros would hide a row in a wrong place
    model.save_pretrained(folder)
    _save(tokenizer, names, bert, folder)
    return folder


def _save(tokenizer: Tokenizer, names: Sequence[str], bert: bool, folder: Path) -> None:
    roles = ("pad", "unk", "cls", "sep", "mask") if bert else ("cls", "pad", "sep", "unk", "mask")
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **{f"{role}_token": name for role, name in zip(roles, names, strict=True)},
    )
    fast.save_pretrained(folder)
