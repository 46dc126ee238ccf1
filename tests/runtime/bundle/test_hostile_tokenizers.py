"""Tokenizers of strangers: ids beyond all models, texts without tokens, lists that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed
from edge_distil import errors

Copy = Callable[[str], Path]
NOTHING = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}
BEYOND = {"type": "BertProcessing", "sep": ["[SEP]", 2**32 - 1], "cls": ["[CLS]", 2]}


def plain(bundle: Path, file: str, **changes: Any) -> Path:
    """Make a plain hub directory of a bundle, with other values in a file."""
    (bundle / "edge_distil.json").unlink(missing_ok=True)
    path = bundle / file
    found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**found, **changes}))
    return bundle


@pytest.mark.parametrize("processor", [NOTHING, BEYOND])
@pytest.mark.parametrize("kind", ["text_classification", "token_classification", "embedding"])
def test_what_no_model_takes_is_our_error(tiny_copy: Copy, kind: str, processor: Any) -> None:
    bundle = plain(tiny_copy(kind), "tokenizer.json", post_processor=processor)
    plain(bundle, "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    task = ed.load(bundle)
    one = task.encode if isinstance(task, ed.Embedding) else task
    many: Any = task.encode if isinstance(task, ed.Embedding) else task.batch  # type: ignore[union-attr]
    for call in (lambda: one("a text"), lambda: many(["a text", "another"])):  # type: ignore[operator]
        with pytest.raises((errors.SessionError, errors.BundleCorrupt)):
            call()


@pytest.mark.parametrize("value", [0.5, 7, "text", True])
def test_further_tokens_that_are_no_list_are_none(tiny_copy: Copy, value: Any) -> None:
    bundle = plain(tiny_copy("text_classification"), "tokenizer_config.json")
    found = json.loads((bundle / "tokenizer_config.json").read_text("utf-8"))
    found.pop("added_tokens_decoder", None)
    found["extra_special_tokens"] = value
    (bundle / "tokenizer_config.json").write_text(json.dumps(found))
    plain(bundle, "special_tokens_map.json", extra_special_tokens=["<e1>"])
    task = ed.TextClassification.load(bundle)
    assert task.encoder.tokenizer.token_id("<e1>") is not None


@pytest.mark.parametrize("file", ["tokenizer_config.json", "special_tokens_map.json"])
def test_more_tokens_than_any_model_has_are_refused(tiny_copy: Copy, file: str) -> None:
    tokens = [f"<{number}>" for number in range(50_001)]
    bundle = plain(tiny_copy("text_classification"), file, extra_special_tokens=tokens)
    with pytest.raises(errors.BundleCorrupt, match=r"adds 50,\d+ tokens to the vocabulary"):
        ed.load(bundle)
