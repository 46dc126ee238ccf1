"""The tokens that the files of a plain hub directory name beside the vocabulary.

Source: ``PreTrainedTokenizerBase._from_pretrained`` and ``TokenizersBackend.__init__`` of
transformers 5, whose order of precedence this is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from tokenizers import Tokenizer as FastTokenizer

from edge_distil._reading.fields import Fields
from edge_distil._tokenizing.settings import ROLES, read_optional, token_text

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
_EXTRA, _OLD_EXTRA = "extra_special_tokens", "additional_special_tokens"


class NamedTokens:
    """What a tokenizer's files say of tokens.

    Args:
        config: ``tokenizer_config.json``.
        folder: Where it lies.
        fast: ``tokenizer.json``, as read.
        defaults: The tokens that its class gives the roles of which no file says anything.

    Attributes:
        listed: Tokens with an id of their own, in the order of these.
        roles: Role -> its token; ``None`` where a file says that there is none.
    """

    def __init__(
        self,
        config: Fields,
        folder: Path,
        fast: FastTokenizer,
        defaults: Mapping[str, AddedToken],
    ) -> None:
        values = dict(config.values)
        if not values.get(_EXTRA) and values.get(_OLD_EXTRA):
            values[_EXTRA] = values.pop(_OLD_EXTRA)
        own = {k: v for k, v in values.items() if k.endswith("_token") and k not in ROLES}
        own |= _by_name(values)
        if config.values.get("added_tokens_decoder") is None:
            # the older files, which a decoder replaces
            _merge(values, read_optional(folder / "special_tokens_map.json").values)
            own |= _by_name(values)
            by_id = _added_file(folder, values) | fast.get_added_tokens_decoder()
        else:
            decoder = config.object("added_tokens_decoder")
            by_id = {_index(key): _token(decoder.object(key).values) for key in decoder.values}
        self.listed = [by_id[index] for index in sorted(by_id)]
        known = {token.content: token for token in self.listed}
        self.roles: dict[str, AddedToken | None] = dict(defaults)
        for role in [role for role in ROLES if role in values]:
            text = token_text(values[role])
            self.roles[role] = None if text is None else known.get(text) or _token(values[role])
        self._own = [_token(value) for value in own.values() if token_text(value) is not None]
        extra = values.get(_EXTRA, values.get(_OLD_EXTRA))
        self.extra = [_token(v) for v in extra] if isinstance(extra, list) else None

    def text(self, role: str) -> str | None:
        """Return the text of a role's token."""
        token = self.roles.get(role)
        return None if token is None else token.content

    def further(self, usual_extra: tuple[str, ...] = ()) -> Iterator[AddedToken]:
        """Yield all of them, in the order in which they get their ids.

        Args:
            usual_extra: Tokens of the class, where no file names further ones.
        """
        yield from self.listed
        known = {token.content for token in self.listed}
        extra = [_token(text) for text in usual_extra] if self.extra is None else self.extra
        named = filter(None, map(self.roles.get, ROLES))
        for token in [*named, *self._own, *extra]:
            if token.content not in known:
                known.add(token.content)
                yield token


def _by_name(values: dict[str, Any]) -> dict[str, Any]:
    """Take the further tokens out, where they have names of their own."""
    return values.pop(_EXTRA) if isinstance(values.get(_EXTRA), dict) else {}


def _merge(values: dict[str, Any], older: Mapping[str, Any]) -> None:
    """Let ``special_tokens_map.json`` come before ``tokenizer_config.json``."""
    for name, value in older.items():
        if name == _EXTRA and isinstance(value, list):
            before = values.get(_EXTRA)
            there = before if isinstance(before, list) else []
            known = set(map(repr, there))
            values[name] = there + [token for token in value if repr(token) not in known]
        else:
            values[name] = value


def _added_file(folder: Path, values: Mapping[str, Any]) -> dict[int, AddedToken]:
    """Read ``added_tokens.json``; of the special ones no normalised form is looked for."""
    extra = values.get(_EXTRA)
    named = [*map(values.get, ROLES), *(extra if isinstance(extra, list) else [])]
    special = set(map(token_text, named))
    return {
        _index(str(index)): AddedToken(
            text, normalized=text not in special, special=text in special
        )
        for text, index in read_optional(folder / "added_tokens.json").values.items()
    }


def _token(value: Any) -> AddedToken:
    """Make a token of a text, which is special, or of an object, which says what it is."""
    if not isinstance(value, dict):
        return AddedToken(str(value), special=True)
    flags = {name: bool(value[name]) for name in _FLAGS if name in value}
    return AddedToken(str(value.get("content", "")), **flags)


def _index(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
