"""The tokenizer of a plain hub directory, put together as transformers does when it loads one.

``tokenizer.json`` is not all: fields of ``tokenizer_config.json`` replace parts of it, other files
add tokens to it, and sentence-transformers may put texts into lower case before it. A bundle's
``tokenizer.json`` has all that in it: an export writes it there.

Source: ``TokenizersBackend.__init__``, ``BertTokenizer`` and ``RobertaTokenizer`` of
transformers 5, ``Transformer.__init__`` of sentence-transformers 6.2. Of tokenizer classes with
another kind of vocabulary (Unigram) ``tokenizer.json`` is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, normalizers, pre_tokenizers, processors
from tokenizers import Tokenizer as FastTokenizer

from edge_distil._reading.fields import Fields
from edge_distil._reading.sentence_modules import is_sentence_model, read_sentence_modules
from edge_distil._tokenizing.settings import (
    CONFIG_NAME,
    ROLES,
    read_optional,
    tokenizer_class,
    usual_tokens,
)

_WORD_PIECES = frozenset(
    "Bert ConvBert DPRContextEncoder DPRQuestionEncoder DistilBert Electra LayoutLM Lxmert MPNet "
    "MobileBert SqueezeBert".split()
)
_BYTE_PAIRS = frozenset("Bart LED Longformer Mvp Roberta".split())
_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


def complete(fast: FastTokenizer, folder: Path) -> None:
    """Change a tokenizer, as read from ``tokenizer.json``, to what transformers makes of it.

    Args:
        fast: The tokenizer.
        folder: The directory that it was read from.

    Raises:
        BundleCorrupt: A file beside it is not JSON, or a field of the wrong kind.
    """
    config = read_optional(folder / CONFIG_NAME)
    kind = tokenizer_class(config, folder)
    if kind in _WORD_PIECES:
        _split_words(fast, config)
    if kind in _BYTE_PAIRS:
        _split_bytes(fast, config, usual_tokens(config, folder, fast))
    fast.add_tokens([*_further_tokens(config, folder, fast)])
    if is_sentence_model(folder) and read_sentence_modules(folder).transformer.lower_case:
        _lower_case(fast)


def _lower_case(fast: FastTokenizer) -> None:
    """Put texts into lower case first, unless the tokenizer does so by a step of its own."""
    before: Any = fast.normalizer
    several = isinstance(before, normalizers.Sequence)
    parts = list(iter(before)) if several else [before] if before is not None else []
    if not any(isinstance(part, normalizers.Lowercase) for part in parts):
        fast.normalizer = normalizers.Sequence([normalizers.Lowercase(), *parts])


def _split_words(fast: FastTokenizer, config: Fields) -> None:
    accents = config.flag("strip_accents") if "strip_accents" in config else None
    fast.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=config.flag("tokenize_chinese_chars", default=True),
        strip_accents=accents,
        lowercase=config.flag("do_lower_case", default=True),
    )
    fast.pre_tokenizer = pre_tokenizers.BertPreTokenizer()


def _split_bytes(fast: FastTokenizer, config: Fields, special: dict[str, str]) -> None:
    space = config.flag("add_prefix_space")
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
    sep, cls = special.get("sep_token", "</s>"), special.get("cls_token", "<s>")
    sep_id, cls_id = fast.token_to_id(sep), fast.token_to_id(cls)
    if sep_id is not None and cls_id is not None:
        trim = config.flag("trim_offsets", default=True)
        ends = (sep, sep_id), (cls, cls_id)
        fast.post_processor = processors.RobertaProcessing(*ends, trim, space)


def _further_tokens(config: Fields, folder: Path, fast: FastTokenizer) -> Iterator[AddedToken]:
    """Yield the tokens that other files add, in the order in which they get their ids."""
    added = config.object("added_tokens_decoder")
    older: dict[str, Any] = {}
    if "added_tokens_decoder" not in config.values:
        older = dict(read_optional(folder / "special_tokens_map.json").values)
        yield from _legacy_tokens(folder, {**config.values, **older})
    for index in sorted(added.values, key=_index):
        yield _added(added.object(index).values)
    roles = usual_tokens(config, folder, fast)
    known = {token.content for token in fast.get_added_tokens_decoder().values()}
    known |= {token["content"] for token in added.values.values() if isinstance(token, dict)}
    for role in ROLES:
        if role in roles and roles[role] not in known:
            value = older.get(role)
            extra = value if isinstance(value, dict) else {"content": roles[role]}
            yield _added({**extra, "special": True})
    yield from _extra_tokens({**config.values, **older}, known)


def _legacy_tokens(folder: Path, named: dict[str, Any]) -> Iterator[AddedToken]:
    """Yield ``added_tokens.json``'s; of the special ones no normalised form is looked for."""
    tokens = read_optional(folder / "added_tokens.json").values
    special = {_text(named.get(role)) for role in ROLES}
    for content in sorted(tokens, key=lambda token: _index(str(tokens[token]))):
        is_special = content in special
        yield AddedToken(content, normalized=not is_special, special=is_special)


def _extra_tokens(named: dict[str, Any], known: set[str]) -> Iterator[AddedToken]:
    extra = named.get("extra_special_tokens") or named.get("additional_special_tokens") or []
    own = [v for k, v in named.items() if k.endswith("_token") and k not in ROLES]
    listed = [*extra.values()] if isinstance(extra, dict) else extra
    for value in [*own, *(listed if isinstance(listed, list) else [])]:
        content = _text(value)
        if content is not None and content not in known:
            fields = value if isinstance(value, dict) else {"content": content}
            yield _added({**fields, "special": True})


def _added(value: Any) -> AddedToken:
    flags = {name: bool(value[name]) for name in _FLAGS if name in value}
    return AddedToken(str(value.get("content", "")), **flags)


def _text(value: Any) -> str | None:
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) else None


def _index(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
