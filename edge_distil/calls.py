"""What a caller may pass: texts, pairs and options, checked before anything runs.

What Python would read in another way than the caller means is refused by name: the letters of a
string, the keys of a dict, the columns of a table, True as the number 1.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from numbers import Integral
from pathlib import Path
from typing import Any

from edge_distil._reading.printable import shown
from edge_distil.errors import InputError, InputTypeError

_SURROGATES = range(0xD800, 0xE000)  # halves of a UTF-16 pair, no characters by themselves
# Iterables whose items are no texts in an order: letters, bytes, keys, members.
_NO_SEQUENCES = (str, bytes, bytearray, memoryview, Mapping, Set)


def text(value: Any, name: str) -> str:
    """Return one text.

    Raises:
        InputTypeError: It is none.
    """
    if isinstance(value, str):
        return value
    raise InputTypeError(f"{name} is {kind(value)}, expected str: {_remedy_one(value)}")


def many(values: Any, items: str) -> Iterable[Any]:
    """Return an iterable of inputs, which are checked one by one as they come.

    Args:
        values: A list, tuple, generator, 1-D array, column of a table ...
        items: What it holds, for the message: ``"texts"``.

    Raises:
        InputTypeError: It is one text, or something whose items are no inputs.
    """
    table = hasattr(values, "columns") or getattr(values, "ndim", 1) != 1
    if isinstance(values, _NO_SEQUENCES) or table or not isinstance(values, Iterable):
        advice = "choose a column of it" if table else f"give a list of {items}"
        raise InputTypeError(f"{items} is {kind(values)}, expected a list: {advice}")
    return values


def texts(values: Any) -> list[str]:
    """Return all texts of an iterable.

    >>> texts(iter(["a", "b"]))
    ['a', 'b']

    Raises:
        InputTypeError: It is no iterable of texts; the first that is none is named.
    """
    return [text(value, f"text {index}") for index, value in enumerate(many(values, "texts"))]


def wrong_text(texts: Sequence[Any], first: int = 0) -> InputError:
    """Say which of the texts cannot be tokenized, and why.

    Args:
        texts: At least one of them is not a text, or holds half a surrogate pair.
        first: The number of the first.
    """
    error = InputError if all(isinstance(text, str) for text in texts) else InputTypeError
    return error(_what_is_wrong(texts, first))


def _what_is_wrong(texts: Sequence[Any], first: int) -> str:
    for index, text in enumerate(texts, first):
        if not isinstance(text, str):
            return f"text {index} is {kind(text)}, expected str: convert it"
        for position, character in enumerate(text):
            if ord(character) in _SURROGATES:
                return (
                    f"text {index} has half a surrogate pair (U+{ord(character):04X}) at character "
                    f"{position}, expected whole characters: decode the source as UTF-8, or use "
                    "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
                )
    return f"the {len(texts)} texts cannot be tokenized, expected str: convert them"


def pair(value: Any, names: tuple[str, str], where: str = "") -> tuple[str, str]:
    """Return a pair of texts, from a tuple or from a dict with the pipeline's keys.

    >>> pair({"question": "Who?", "context": "Ada."}, ("question", "context"))
    ('Who?', 'Ada.')

    Args:
        value: The pair.
        names: What the two are called: the dict's keys.
        where: What comes before them in a message: ``"pair 3: "``.

    Raises:
        InputTypeError: It is not a pair of texts.
    """
    first, second = (
        text(part, f"{where}the {name}")
        for part, name in zip(two(value, names, where or "the pair "), names, strict=True)
    )
    return first, second


def two(value: Any, names: tuple[str, str], where: str) -> tuple[Any, Any]:
    """Return the two parts of an input, whatever they are; see `pair`.

    Raises:
        InputTypeError: It has no two parts.
    """
    if isinstance(value, Mapping) and set(value) == set(names):
        value = tuple(value[name] for name in names)
    if not isinstance(value, tuple) or len(value) != 2:
        raise InputTypeError(
            f"{where}is {kind(value)}, expected a tuple ({', '.join(names)}) or a "
            f"dict with the keys {' and '.join(names)}".replace(": is", " is")
        )
    return value


def path(value: Any, name: str) -> Path:
    """Return the place that a caller names, which need not exist.

    Raises:
        InputTypeError: It is neither a text nor a `Path`.
        InputError: No file can have this name: it holds a NUL, or is too long.
    """
    if not isinstance(value, str | Path):
        raise InputTypeError(f"{name} is {kind(value)}, expected a str or a Path: give its place")
    try:
        os.lstat(value)
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) or error.errno == errno.ENAMETOOLONG:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InputError(
                f"{name} is {shown(str(value))}, which no file can be named ({reason}): correct it"
            ) from error
    return Path(value)


def whole(least: int, most: int = sys.maxsize, /, **options: Any) -> None:
    """Check options that are whole numbers.

    Raises:
        InputTypeError: One is not a whole number.
        InputError: One is below `least` or above `most`, by default what an index may be.
    """
    for name, value in options.items():
        # numpy's integers are such numbers, its bool is none
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise InputTypeError(
                f"{name} is {shown(value)} ({kind(value)}), expected an int of at least {least}"
            )
        if int(value) < least:
            raise InputError(f"{name} is {shown(int(value))}, expected at least {least}")
        if int(value) > most:
            raise InputError(f"{name} is {shown(int(value))}, expected at most {most}")


def whole_or_none(least: int, **options: Any) -> None:
    """Check options that are whole numbers, or ``None``, which stands for a default."""
    whole(least, **{name: value for name, value in options.items() if value is not None})


def flag(**options: Any) -> None:
    """Check options that are on or off.

    Raises:
        InputTypeError: One is not a bool.
    """
    for name, value in options.items():
        if not (isinstance(value, bool) or _is_numpy_bool(value)):
            raise InputTypeError(
                f"{name} is {shown(value)} ({kind(value)}), expected True or False"
            )


def _is_numpy_bool(value: Any) -> bool:
    """Say whether a value is numpy's, which is not imported to look: a manifest needs none."""
    cls = type(value)
    return cls.__module__ == "numpy" and cls.__name__ in ("bool", "bool_")


def choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Check an option that is one of some words.

    Raises:
        InputTypeError: It is not a str.
        InputError: It is another word.
    """
    error = InputError if isinstance(value, str) else InputTypeError
    if not isinstance(value, str) or value not in choices:
        raise error(f"{name} is {shown(value)}, expected one of {', '.join(choices)}")


def known(function: str, options: Mapping[str, Any], names: Iterable[str], advice: str) -> None:
    """Check the names of options that are passed on.

    Raises:
        InputTypeError: One is not among `names`.
    """
    if wrong := sorted(set(options) - set(names)):
        raise InputTypeError(
            f"{function} has no option {wrong[0]!r}, expected one of {', '.join(names)}: {advice}"
        )


def kind(value: Any) -> str:
    """Name a value's type with its article, a tuple's with its length, a dict's with its keys.

    >>> kind(5), kind([]), kind(("a", "b", "c")), kind({"q": 1}), kind(None)
    ('an int', 'a list', 'a tuple of 3', "a dict with the keys 'q'", 'None')
    """
    if value is None:
        return "None"
    name = type(value).__name__
    article = "an" if name[0].lower() in "aeiou" else "a"
    if isinstance(value, tuple):
        return f"{article} {name} of {len(value)}"
    if isinstance(value, Mapping):
        keys = ", ".join(shown(key) for key in list(value)[:4])
        return f"{article} {name} with the keys {keys or 'none'}"
    return f"{article} {name}"


def _remedy_one(value: Any) -> str:
    if value is None:
        return "give it"
    if isinstance(value, bytes | bytearray):
        return "decode it"
    if isinstance(value, Iterable):
        return "give one text, or many by the method for many (batch, encode)"
    return "convert it"
