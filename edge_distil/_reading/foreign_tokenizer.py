"""The tokenizer of a plain hub directory, put together as transformers does when it loads one.

``tokenizer.json`` is not all: the tokenizer's class replaces parts of it by its own rules and
fields of ``tokenizer_config.json``, other files add tokens to it, and sentence-transformers may put
texts into lower case before it. A bundle's ``tokenizer.json`` has all that in it: an export writes
it there.

Source: ``TokenizersBackend`` of transformers 5, ``Transformer.__init__`` of
sentence-transformers 6.2.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as FastTokenizer
from tokenizers import models, normalizers

from edge_distil._reading.foreign_classes import (
    CLASSES,
    UNKNOWN,
    TokenizerClass,
    frame_by_file,
)
from edge_distil._reading.foreign_tokens import NamedTokens
from edge_distil._reading.sentence_modules import is_sentence_model, read_sentence_modules
from edge_distil._tokenizing.settings import CONFIG_NAME, read_optional, tokenizer_class
from edge_distil.errors import BundleCorrupt, TaskError

_MOST_ADDED = 50_000  # each takes some 40 microseconds; an extended vocabulary has 20,000
_LONGEST_WORD = 100  # characters that WordPiece looks at, its own default


def complete(file: FastTokenizer, folder: Path) -> FastTokenizer:
    """Make of a tokenizer, as read from ``tokenizer.json``, what transformers makes of it.

    Args:
        file: The tokenizer.
        folder: The directory that it was read from.

    Returns:
        The tokenizer to use, which may be `file` itself, changed.

    Raises:
        BundleCorrupt: A file beside it is not JSON, a field of the wrong kind, or there are more
            tokens than any model has.
        TaskError: Its class puts it together in a way that edge-distil does not know.
    """
    config = read_optional(folder / CONFIG_NAME)
    kind = tokenizer_class(config, folder)
    known = CLASSES.get(kind)
    tokens = NamedTokens(config, folder, file, known.defaults if known else {})
    if kind in UNKNOWN or (known and _reads_otherwise(file, known, tokens.text("unk_token"))):
        raise TaskError(
            f"{folder} has a tokenizer of transformers' class {kind}Tokenizer, which makes its own "
            "of this tokenizer.json, expected one that edge-distil knows: export the checkpoint "
            'with edge-distil, or, if tokenizer.json says all, put "tokenizer_class": '
            f'"PreTrainedTokenizerFast" into {CONFIG_NAME}'
        )
    fast = file
    if known is not None:
        fast = FastTokenizer(file.model)
        fast.decoder, fast.post_processor = file.decoder, file.post_processor
        _reset(fast.model, tokens.text("unk_token"))
        known.split(fast, file, config)
    named = [*tokens.further(known.extra if known else ())]
    if len(named) > _MOST_ADDED:
        raise BundleCorrupt(
            f"{folder} adds {len(named):,} tokens to the vocabulary, expected at most "
            f"{_MOST_ADDED:,}: get it from a source that you trust, or export the checkpoint"
        )
    fast.add_tokens(named)
    (known.frame if known else frame_by_file)(fast, config, tokens.roles)
    if is_sentence_model(folder) and read_sentence_modules(folder).transformer.lower_case:
        _lower_case(fast)
    return fast


def _reads_otherwise(file: FastTokenizer, known: TokenizerClass, unknown: str | None) -> bool:
    """Say whether the class takes another kind of vocabulary, or another piece for unknown ones."""
    index = known.unknown_id
    other = not isinstance(file.model, known.model)
    return other or (index is not None and file.id_to_token(index) != unknown)


def _reset(model: Any, unknown: str | None) -> None:
    """Give a vocabulary the options of its class, whatever the file says."""
    if isinstance(model, models.WordPiece):
        model.unk_token = str(unknown)
        model.continuing_subword_prefix = "##"
        model.max_input_chars_per_word = _LONGEST_WORD
    elif isinstance(model, models.BPE):
        model.dropout = model.unk_token = None
        model.fuse_unk = model.byte_fallback = model.ignore_merges = False


def _lower_case(fast: FastTokenizer) -> None:
    """Put texts into lower case first, unless the tokenizer does so by a step of its own."""
    before: Any = fast.normalizer
    several = isinstance(before, normalizers.Sequence)
    parts = list(iter(before)) if several else [before] if before is not None else []
    if not any(isinstance(part, normalizers.Lowercase) for part in parts):
        fast.normalizer = normalizers.Sequence([normalizers.Lowercase(), *parts])
