"""Is a parsed JSON document what the records say? Anybody may have written it."""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from edge_distil.errors import DataError

_SHOWN = 60  # characters of a value in a message


def check_document(kind: type[Any], records: Mapping[str, type[Any]], raw: Any) -> None:
    """Check a document's own fields and every record in its lists; what else it has is ignored.

    Args:
        kind: The dataclass of the whole.
        records: Field -> the dataclass of what is in its list.
        raw: What JSON gave: an object.

    Raises:
        DataError: A field is missing or of another kind.
    """
    hints = get_type_hints(kind)
    for name, hint in hints.items():
        expected = list if name in records else hint
        if name not in raw:
            raise DataError(f"it has no {name}")
        if not conforms(raw[name], expected):
            raise DataError(f"{name} is {_shown(raw[name])}, expected {_words(expected)}")
    for name, of_list in records.items():
        for index, row in enumerate(raw[name]):
            check_record(of_list, row, f"{name}[{index}]")


def check_record(kind: type[Any], raw: Any, where: str) -> None:
    """Check that a JSON value has every field of a dataclass, none more, each of its kind.

    Args:
        kind: The dataclass.
        raw: What JSON gave.
        where: Its place in the document, for the message.

    Raises:
        DataError: It has not.
    """
    if not isinstance(raw, dict):
        raise DataError(f"{where} is {_shown(raw)}, expected an object")
    hints = get_type_hints(kind)
    if missing := [name for name in hints if name not in raw]:
        raise DataError(f"{where} has no {', '.join(missing)}")
    if unknown := [name for name in raw if name not in hints]:
        raise DataError(f"{where} has a field {unknown[0]!r} that this release does not know")
    for name, hint in hints.items():
        if not conforms(raw[name], hint):
            raise DataError(f"{where}.{name} is {_shown(raw[name])}, expected {_words(hint)}")


def conforms(value: Any, hint: Any) -> bool:
    """Return whether a JSON value can be a field of some annotation.

    >>> conforms([1, 2], tuple[int, ...]), conforms([1, "2"], tuple[int, ...])
    (True, False)
    >>> conforms(None, int | None), conforms(True, int), conforms(float("nan"), float)
    (True, False, False)
    """
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Any:
        return _finite(value)
    if origin in (Union, types.UnionType):
        return any(conforms(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, list) and _all(value, inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, dict) and all(conforms(v, inner[1]) for v in value.values())
    if hint is float:
        return _is_number(value) and math.isfinite(value)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return value is None if hint is type(None) else isinstance(value, hint)


def _all(values: list[Any], hints: tuple[Any, ...]) -> bool:
    if hints[-1] is ...:
        return all(conforms(value, hints[0]) for value in values)
    return len(values) == len(hints) and all(map(conforms, values, hints))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _finite(value: Any) -> bool:
    """Return whether what may be anything holds no number that JSON has not."""
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _words(hint: Any) -> str:
    return str(getattr(hint, "__name__", hint)) if not get_args(hint) else str(hint)
