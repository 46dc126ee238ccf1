"""Shapes of tokenizers: settings outside ``tokenizer.json``, and what they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tiny
import transformers
from shapes.shape import Shape, edit, settings

_CONFIG = "tokenizer_config.json"


def _with_added(**changes: Any) -> Any:
    """A checkpoint with room for added tokens, which only `changes` of its settings name."""

    def make(folder: Path) -> None:
        tiny.save_checkpoint(folder, "bert", "text-classification", spare=8)
        edit(folder / _CONFIG, **changes)

    return make


def _added_file(folder: Path) -> None:
    _with_added()(folder)
    size = len(transformers.AutoTokenizer.from_pretrained(folder))
    edit(folder / "added_tokens.json", **{"<e1>": size, "<e2>": size + 1})


def _special_map(folder: Path) -> None:
    _with_added()(folder)
    edit(folder / "special_tokens_map.json", additional_special_tokens=["<e1>", "<e2>"])


def _in_tokenizer(folder: Path) -> None:
    _with_added()(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<e1>", "Zz"])
    tokenizer.save_pretrained(folder)


def _too_many(folder: Path) -> None:
    tiny.save_checkpoint(folder, "bert", "text-classification")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["<e1>", "<e2>"])
    tokenizer.save_pretrained(folder)


def vocabulary_alone(folder: Path) -> None:
    tiny.save_checkpoint(folder, "bert", "text-classification")
    vocabulary = tiny.wordpiece().get_vocab()
    words = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", "utf-8")
    (folder / "tokenizer.json").unlink()
    edit(folder / _CONFIG, tokenizer_class="BertTokenizer", backend=..., model_input_names=...)


def _trained_with_padding(folder: Path) -> None:
    tiny.save_checkpoint(folder, "bert", "text-classification")
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    tokenizer["truncation"] = {
        "direction": "Right", "max_length": 16, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    tokenizer["padding"] = {
        "strategy": {"Fixed": 16}, "direction": "Right", "pad_to_multiple_of": None,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")


def _shape(name: str, make: Any, refused: str | None = None) -> Shape:
    return Shape("tokenizer", name, make, refused=refused)


_NO_TYPES = ["input_ids", "attention_mask"]
_E = {"lstrip": False, "normalized": False, "rstrip": True, "single_word": False, "special": False}

SHAPES = (
    _shape("token types given", settings(_CONFIG)),
    _shape("no token types given", settings(_CONFIG, model_input_names=_NO_TYPES)),
    _shape("tokenizer_class DistilBertTokenizerFast", settings(
        _CONFIG, tokenizer_class="DistilBertTokenizerFast", model_input_names=...)),
    _shape("tokenizer_class BertTokenizer", settings(
        _CONFIG, tokenizer_class="BertTokenizer", model_input_names=...)),
    _shape("no tokenizer_class", settings(_CONFIG, tokenizer_class=..., model_input_names=...)),
    _shape("truncation_side left", settings(_CONFIG, truncation_side="left")),
    _shape("padding_side left", settings(_CONFIG, padding_side="left")),
    _shape("model_max_length 40", settings(_CONFIG, model_max_length=40)),
    _shape("model_max_length 1e30", settings(_CONFIG, model_max_length=int(1e30))),
    _shape("no model_max_length", settings(_CONFIG, model_max_length=...)),
    _shape("additional_special_tokens", _with_added(additional_special_tokens=["<e1>"])),
    _shape("extra_special_tokens, a list", _with_added(extra_special_tokens=["<e1>", "<e2>"])),
    _shape("extra_special_tokens, by name", _with_added(extra_special_tokens={"e": "<e1>"})),
    _shape("added_tokens_decoder", _with_added(
        added_tokens_decoder={"4": {"content": "[MASK]", "special": True, "lstrip": True},
                              "178": {"content": "<e1>", **_E}})),
    _shape("added_tokens.json", _added_file),
    _shape("special_tokens_map.json", _special_map),
    _shape("added in tokenizer.json", _in_tokenizer),
    _shape("more tokens than embeddings", _too_many, "embedding"),
    _shape("do_lower_case false over tokenizer.json", settings(
        _CONFIG, tokenizer_class="BertTokenizer", do_lower_case=False)),
    _shape("strip_accents false", settings(
        _CONFIG, tokenizer_class="BertTokenizer", strip_accents=False)),
    _shape("tokenize_chinese_chars false", settings(
        _CONFIG, tokenizer_class="BertTokenizer", tokenize_chinese_chars=False)),
    _shape("vocab.txt alone", vocabulary_alone),
    _shape("padding and truncation in tokenizer.json", _trained_with_padding),
    _shape("byte level, RobertaTokenizer", settings(
        _CONFIG, "roberta", tokenizer_class="RobertaTokenizer", add_prefix_space=True)),
    _shape("no tokenizer_config.json", lambda folder: (
        settings(_CONFIG)(folder), (folder / _CONFIG).unlink())),
)  # fmt: skip
