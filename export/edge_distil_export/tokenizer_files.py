"""The bundle's tokenizer files say what the checkpoint's loaded tokenizer does.

transformers puts a tokenizer together from up to six files, with rules that changed between its
releases; what other clients read is ``tokenizer.json`` and a few fields of
``tokenizer_config.json``. A file that says it already stays as it is, byte for byte.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from edge_distil._tokenizing.settings import CONFIG_NAME, read_settings
from edge_distil.errors import CheckpointError

# Left to the caller by every client; a checkpoint has in them what it was trained with.
_NOT_COMPARED = ("version", "truncation", "padding")


def settle(tokenizer: Any, bundle: Path) -> None:
    """Write into the bundle's files what they lack or say otherwise.

    Args:
        tokenizer: transformers' tokenizer of the checkpoint.
        bundle: Holds the checkpoint's ``tokenizer.json`` and ``tokenizer_config.json``.
    """
    _settle_parts(tokenizer.backend_tokenizer, bundle / "tokenizer.json")
    _settle_config(tokenizer, bundle)


def check_vocabulary(tokenizer: Any, model: Any, name: str) -> None:
    """Refuse a tokenizer that gives ids for which the model has no embedding.

    Args:
        tokenizer: transformers' tokenizer of the checkpoint.
        model: The transformers model.
        name: The checkpoint's.

    Raises:
        CheckpointError: It does, or neither the model nor its config says how many there are.
    """
    try:
        rows = model.get_input_embeddings().weight.shape[0]
    except NotImplementedError:  # remote code that does not say which of its tables it is
        rows = getattr(model.config, "vocab_size", None)
    if rows is None:
        raise CheckpointError(
            f"{name}'s model has no get_input_embeddings and its config.json no vocab_size, "
            "expected one of them to hold its tokenizer against: add vocab_size to config.json"
        )
    tokens = tokenizer.get_vocab()
    outside = sorted((index, token) for token, index in tokens.items() if index >= rows)
    if outside:
        index, token = outside[0]
        raise CheckpointError(
            f"{name}'s tokenizer has {len(tokens)} tokens, its model embeddings for {rows}: a text "
            f"with {token!r} (id {index}) would fail; call resize_token_embeddings and save both "
            "again, or take the further tokens out"
        )


def _settle_parts(loaded: Tokenizer, path: Path) -> None:
    """Write those parts of ``tokenizer.json`` that differ: normalizer, added tokens, ..."""
    here, there = (json.loads(t.to_str()) for t in (Tokenizer.from_file(str(path)), loaded))
    differ = [part for part in there if part not in _NOT_COMPARED and here[part] != there[part]]
    if differ:
        whole = json.loads(path.read_text(encoding="utf-8"))
        whole.update({part: there[part] for part in differ})
        _write(path, whole)


def _settle_config(tokenizer: Any, bundle: Path) -> None:
    """Write those fields of ``tokenizer_config.json`` that the runtime would take otherwise."""
    found = read_settings(bundle, Tokenizer.from_file(str(bundle / "tokenizer.json")))
    changes: dict[str, Any] = {}
    if found.truncate_left != (tokenizer.truncation_side == "left"):
        changes["truncation_side"] = tokenizer.truncation_side
    if found.token_types != ("token_type_ids" in tokenizer.model_input_names):
        changes["model_input_names"] = list(tokenizer.model_input_names)
    if found.split_special != tokenizer.split_special_tokens:
        changes["split_special_tokens"] = tokenizer.split_special_tokens
    roles = tokenizer.special_tokens_map
    differ = {r: t for r, t in roles.items() if r.endswith("_token") and found.special.get(r) != t}
    if differ:
        # the older file would win over this one
        (bundle / "special_tokens_map.json").write_text(_text(roles), encoding="utf-8")
    changes.update(differ)
    if changes:
        path = bundle / CONFIG_NAME
        _write(path, {**json.loads(path.read_text(encoding="utf-8")), **changes})


def _write(path: Path, value: Any) -> None:
    path.write_text(_text(value), encoding="utf-8")


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
