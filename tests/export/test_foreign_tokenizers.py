"""Tokenizers of plain hub directories, whatever class puts them together, against AutoTokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import transformers
from shapes.shape import edit
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from edge_distil._tokenizing import tokenizer as ours
from edge_distil.errors import TaskError

LENGTH = 40
TEXTS = (
    "Où est le CAFÉ? The quick  brown fox jumps, <e1> Zz and <e2>.",
    "  a [MASK] b <mask> <s> </s> [SEP]e<e1>x \t\n",
    "ﬁ ① 東京は日本\u00a0x",
    "",
    ("The dog", "sleeps on"),
    (" ".join(tiny.CORPUS), " ".join(reversed(tiny.CORPUS))),
)
_CONFIG = "tokenizer_config.json"


def pieces(unknown: int = 3) -> Tokenizer:
    """A Unigram tokenizer whose normalizer and special tokens are no class's own."""
    special = ["<s>", "<pad>", "</s>", "<mask>"]
    special.insert(unknown, "<unk>")
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(tiny.CORPUS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)]
    )
    return tokenizer


def folder_of(folder: Path, tokenizer: Tokenizer, kind: str, **config: Any) -> Path:
    """A directory with ``config.json``, ``tokenizer.json`` and its settings."""
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    edit(folder / "config.json", model_type=kind)
    edit(folder / _CONFIG, **config)
    return folder


def check(folder: Path) -> None:
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    here = ours.Tokenizer(folder, LENGTH, plain=True)
    for text, found in zip(TEXTS, here.encode(TEXTS), strict=True):
        texts = (text,) if isinstance(text, str) else text
        expected = theirs(*texts, truncation=True, max_length=LENGTH)
        assert found.ids == expected["input_ids"], text
        types = found.type_ids if here.token_types else [0] * len(found.ids)
        assert types == expected.get("token_type_ids", [0] * len(types)), text


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("bert", {}),
        ("bert", {"cls_token": None, "sep_token": None}),
        ("mpnet", {"tokenizer_class": "MPNetTokenizer"}),
        ("distilbert", {"cls_token": "<new>", "tokenizer_class": "DistilBertTokenizer"}),
        ("bert", {"additional_special_tokens": ["<e2>"], "extra_special_tokens": {"e": "<e1>"}}),
        ("electra", {"added_tokens_decoder": {}, "add_bos_token": True}),
        ("bert", {"tokenizer_class": "PreTrainedTokenizerFast", "add_eos_token": True}),
        ("nomic_bert", {"extra_special_tokens": ["<e1>"], "mask_token": "<e2>"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("framed", [True, False])
def test_word_pieces(kind: str, config: dict[str, Any], framed: bool, tmp_path: Path) -> None:
    tokenizer = tiny.wordpiece()
    if not framed:
        document = json.loads(tokenizer.to_str())
        document["post_processor"] = None
        document["model"]["max_input_chars_per_word"] = 4
        tokenizer = Tokenizer.from_str(json.dumps(document))
    check(folder_of(tmp_path / "model", tokenizer, kind, **config))


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("roberta", {"add_prefix_space": True, "cls_token": "<e1>"}),
        ("roberta", {"added_tokens_decoder": {"400": {"content": "<e1>", "special": False}}}),
        ("deberta", {}),
        ("deberta", {"tokenizer_class": "DebertaTokenizer", "add_prefix_space": True}),
        ("bert", {"tokenizer_class": "GPT2TokenizerFast"}),
        ("modernbert", {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True}),
    ],
    ids=str,
)
def test_byte_pairs(kind: str, config: dict[str, Any], tmp_path: Path) -> None:
    check(folder_of(tmp_path / "model", tiny.byte_pairs(), kind, **config))


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("xlm-roberta", {}),
        ("xlm-roberta", {"tokenizer_class": "XLMRobertaTokenizerFast", "add_prefix_space": False}),
        ("camembert", {}),
        ("camembert", {"additional_special_tokens": ["<e1>"], "bos_token": "<e2>"}),
        ("deberta-v2", {"unk_token": "<unk>", "split_by_punct": True, "do_lower_case": True}),
        ("xlm-roberta", {"tokenizer_class": "PreTrainedTokenizerFast"}),
    ],
    ids=str,
)
def test_pieces(kind: str, config: dict[str, Any], tmp_path: Path) -> None:
    check(folder_of(tmp_path / "model", pieces(), kind, **config))


@pytest.mark.parametrize("changes", [{}, {"keep_accents": True, "do_lower_case": False}], ids=str)
def test_albert(changes: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = pieces(unknown=1)
    ends = {"cls_token": "<s>", "sep_token": "</s>"}
    check(folder_of(tmp_path / "model", tokenizer, "albert", **ends, **changes))


def test_older_files_join_as_transformers_joins_them(tmp_path: Path) -> None:
    folder = folder_of(
        tmp_path / "model", tiny.wordpiece(), "bert", additional_special_tokens=["<e2>"]
    )
    edit(folder / "special_tokens_map.json", additional_special_tokens=["<e1>"])
    edit(folder / "added_tokens.json", Zz=177)
    check(folder)


@pytest.mark.parametrize(
    ("kind", "tokenizer", "named"),
    [
        ("rembert", pieces, "RemBertTokenizer"),
        ("albert", pieces, "AlbertTokenizer"),  # its unknown piece is another
        ("bert", tiny.byte_pairs, "BertTokenizer"),
    ],
)
def test_what_is_not_known_is_refused(
    kind: str, tokenizer: Any, named: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "model", tokenizer(), kind, unk_token="<unk>")
    with pytest.raises(TaskError, match=f"{named}.*PreTrainedTokenizerFast"):
        ours.Tokenizer(folder, LENGTH, plain=True)
    edit(folder / _CONFIG, tokenizer_class="PreTrainedTokenizerFast")
    check(folder)
