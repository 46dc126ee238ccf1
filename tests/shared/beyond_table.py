"""A tokenizer with a token that its model's table has no row for."""

from __future__ import annotations

import json
from pathlib import Path


def add_token_beyond(tokenizer_file: Path) -> int:
    """Add a token to ``tokenizer.json`` behind all others; return its id."""
    settings = json.loads(tokenizer_file.read_text(encoding="utf-8"))
    last: int = max(settings["model"]["vocab"].values()) + 1
    token = {"id": last, "content": "<new>", "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": False}  # fmt: skip
    settings["added_tokens"].append(token)
    tokenizer_file.write_text(json.dumps(settings), encoding="utf-8")
    return last
