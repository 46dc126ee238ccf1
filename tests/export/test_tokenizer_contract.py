"""What a bundle's tokenizer feeds, against transformers' tokenizer of the checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import transformers
from originals import edit

from edge_distil._tokenizing.rows import collate
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import CheckpointError
from edge_distil_export import export_bundle
from edge_distil_export.checkpoints.checkpoint import Source, find_checkpoint
from edge_distil_export.files import copy_files, load_tokenizer

LIMIT = 12
TEXTS = ["The Dog", "Où était [MASK] <e1> Zz paris", "the dog sleeps on and on in london " * 4]
PAIRS = [("the dog", "sleeps on"), ("the dog " * 9, "Ada"), ("Ada", "lives in london " * 9)]


def checkpoint(folder: Path, style: str = "bert", model_type: str = "bert") -> Path:
    tiny.fast_tokenizer(style, model_max_length=LIMIT).save_pretrained(folder)
    edit(folder / "config.json", model_type=model_type)
    edit(folder / "tokenizer_config.json", model_input_names=None, is_local=None)
    return folder


def ours(folder: Path, output: Path) -> Tokenizer:
    """The tokenizer of the bundle that an export of `folder` makes."""
    output.mkdir()
    source = Source(folder, "tiny", None, True, json.loads((folder / "config.json").read_text()))
    copy_files(source, output, load_tokenizer(source), LIMIT, sentence=False)
    return Tokenizer(output, LIMIT)


def agree(folder: Path, tokenizer: Tokenizer) -> None:
    """Compare ids, mask and types of single texts and of pairs, alone as users' calls are."""
    original = transformers.AutoTokenizer.from_pretrained(folder)
    for row in [*((text,) for text in TEXTS), *PAIRS]:
        want = original(*row, truncation=True, max_length=LIMIT, return_tensors="np")
        encodings = tokenizer.encode([row if len(row) == 2 else row[0]])
        got = collate(encodings, tokenizer.pad_id, token_types=tokenizer.token_types)
        want.setdefault("token_type_ids", np.zeros_like(want["input_ids"]))
        for name in got:
            np.testing.assert_array_equal(got[name], want[name], err_msg=f"{name} of {row}")


SETTINGS: dict[str, dict[str, Any]] = {
    "as saved": {},
    "left": {"truncation_side": "left"},
    "names with types": {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
    "names without": {"model_input_names": ["input_ids", "attention_mask"]},
    "DistilBert": {"tokenizer_class": "DistilBertTokenizerFast"},
    "Bert": {"tokenizer_class": "BertTokenizer"},
    "BertFast cased": {"tokenizer_class": "BertTokenizerFast", "do_lower_case": False},
    "accents": {"tokenizer_class": "BertTokenizer", "strip_accents": False},
    "Electra": {"tokenizer_class": "ElectraTokenizerFast"},
    "Splinter": {"tokenizer_class": "SplinterTokenizer"},
    "no class": {"tokenizer_class": None},
    "unheard of": {"tokenizer_class": "MyTokenizer"},
    "additional": {"additional_special_tokens": ["<e1>"]},
    "extra": {"extra_special_tokens": ["<e1>", "paris"]},
    "named": {"extra_special_tokens": {"entity_token": "<e1>"}},
    "own role": {"entity_token": "<e1>"},
    "another mask": {"mask_token": "<e1>"},
    "decoder": {
        "added_tokens_decoder": {
            "4": {"content": "[MASK]", "lstrip": True, "special": True},
            "190": {"content": "<e1>", "rstrip": True, "special": False, "normalized": False},
            "191": {"content": "Zz", "single_word": True, "special": False, "normalized": True},
        }
    },
    "split": {"split_special_tokens": True},
    "padding left": {"padding_side": "left"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_tokenizer_config(name: str, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model")
    edit(folder / "tokenizer_config.json", **SETTINGS[name])
    agree(folder, ours(folder, tmp_path / "out"))
    if name != "Splinter":  # whose pairs are its own; there tokenizer.json is taken as it is
        agree(folder, Tokenizer(folder, LIMIT, plain=True))


ROBERTA: dict[str, dict[str, Any]] = {
    "class": {"tokenizer_class": "RobertaTokenizerFast"},
    "prefix space": {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": True},
    "bos and eos": {"add_bos_token": False, "add_eos_token": True},
}


@pytest.mark.parametrize("name", ROBERTA)
def test_byte_level_tokenizer(name: str, tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model", "roberta", "roberta")
    edit(folder / "tokenizer_config.json", **ROBERTA[name])
    agree(folder, ours(folder, tmp_path / "out"))
    agree(folder, Tokenizer(folder, LIMIT, plain=True))


def added_tokens(folder: Path) -> None:
    edit(folder / "added_tokens.json", **{"<e1>": 190})


def special_tokens_map(folder: Path) -> None:
    mask = {"content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": True}
    edit(folder / "special_tokens_map.json", mask_token=mask, additional_special_tokens=["<e1>"])


def map_over_config(folder: Path) -> None:
    edit(folder / "special_tokens_map.json", sep_token="paris", pad_token="<e1>")


def map_beside_decoder(folder: Path) -> None:
    map_over_config(folder)
    edit(folder / "tokenizer_config.json", added_tokens_decoder={"0": {"content": "[PAD]"}})


def no_config(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()


def trained_from_the_left(folder: Path) -> None:
    cut = {"direction": "Left", "max_length": 7, "strategy": "LongestFirst", "stride": 0}
    edit(folder / "tokenizer.json", truncation=cut)


@pytest.mark.parametrize(
    "change",
    [
        added_tokens,
        special_tokens_map,
        map_over_config,
        map_beside_decoder,
        no_config,
        trained_from_the_left,
    ],
)
def test_other_files(change: Callable[[Path], None], tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model")
    change(folder)
    agree(folder, ours(folder, tmp_path / "out"))
    agree(folder, Tokenizer(folder, LIMIT, plain=True))


def test_what_says_it_already_is_copied(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model")
    edit(folder / "tokenizer_config.json", tokenizer_class="BertTokenizer")
    ours(folder, tmp_path / "out")
    for name in ("tokenizer_config.json", "tokenizer.json"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / name).read_bytes(), name


def test_windows_from_the_left(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model")
    edit(folder / "tokenizer_config.json", truncation_side="left")
    got = ours(folder, tmp_path / "out").pair_windows(
        *PAIRS[2], max_length=LIMIT, stride=2, max_first=5
    )
    original = transformers.AutoTokenizer.from_pretrained(folder)
    options = {"truncation": "only_second", "max_length": LIMIT, "stride": 2}
    want = original(*PAIRS[2], return_overflowing_tokens=True, **options)
    assert [window.ids for window in got] == want["input_ids"]


def test_more_tokens_than_embeddings(tmp_path: Path) -> None:
    folder = tiny.save_checkpoint(tmp_path / "model", "bert", "text-classification")
    rows = find_checkpoint(folder).config["vocab_size"]
    edit(folder / "tokenizer_config.json", extra_special_tokens=["<e1>"])
    message = f"{rows + 1} tokens, its model embeddings for {rows}: a text with '<e1>'"
    with pytest.raises(CheckpointError, match=message):
        export_bundle(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
