"""Files of a bundle of static embeddings: a tokenizer that does what the library does with its own.

The libraries call ``tokenizer.json`` with options (no special tokens, their own length); a bundle's
readers call it without. What the options say is therefore written into the files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edge_distil._tokenizing.settings import CONFIG_NAME
from edge_distil.manifest import GoldenTokens
from edge_distil_export.checkpoints.checkpoint import Source
from edge_distil_export.checkpoints.static_tokens import FILE, StaticTokens
from edge_distil_export.golden import PROBES, check_golden

# Parts that say what a caller leaves out, or asks for himself.
_CALLERS = ("post_processor", "truncation", "padding")
_PADS = ("[PAD]", "<pad>")


def write_static_files(
    source: Source, tokens: StaticTokens, bundle: Path
) -> tuple[int, tuple[GoldenTokens, ...]]:
    """Write tokenizer and configuration.

    Args:
        source: The checkpoint.
        tokens: Its tokenizer.
        bundle: The bundle's directory.

    Returns:
        The longest sequence, and the probes with the ids that the library's own calls give.

    Raises:
        CheckpointError: The file that was written gives other ids.
    """
    special = _special(tokens)
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokens.max_length,
        "model_input_names": ["input_ids", "attention_mask"],
        "clean_up_tokenization_spaces": False,
        **special,
    }
    if tokens.left:
        config["truncation_side"] = "left"
    if tokens.max_characters is not None:
        config["max_characters"] = tokens.max_characters
    # on one line: half a million pieces, each on lines of its own, take twice the room
    _write(bundle / FILE, {**tokens.description, **dict.fromkeys(_CALLERS)}, indent=None)
    _write(bundle / CONFIG_NAME, config)
    _write(bundle / "special_tokens_map.json", special)
    _write(bundle / "config.json", source.config)
    golden = tuple(GoldenTokens(text, tuple(tokens.ids(text))) for text in PROBES)
    check_golden(golden, bundle, f"the tokenizer of {source.static}")
    return tokens.max_length, golden


def _special(tokens: StaticTokens) -> dict[str, str]:
    """Name the token for padding, for clients that fill batches up.

    One that is no added token is left unnamed: to name it would make it one, in texts too.
    """
    added = {token.content for token in tokens.tokenizer.get_added_tokens_decoder().values()}
    found = next((token for token in _PADS if token in added), None)
    return {} if found is None else {"pad_token": found}


def _write(path: Path, value: Any, indent: int | None = 2) -> None:
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
