"""JSON files of a bundle, read field by field: every value checked for its type and its range.

A bundle may come from anybody. What is read here is a known type within known limits, or a
`BundleCorrupt` that names the file and the field; a field that nobody asks for is ignored.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_distil._reading import links
from edge_distil._reading.printable import shortened
from edge_distil.errors import BundleCorrupt, BundleFileMissing

LARGEST = 8 << 20  # bytes of a JSON file; as Python's objects it takes some twenty times that
LARGEST_NUMBER = 2**53  # beyond it not every program reads a JSON number exactly
LARGEST_ID = 2**31 - 1  # of a token
NO_LIMIT = 10**31  # above what transformers writes where a tokenizer knows no longest sequence
_DEEPEST = 64  # lists and objects within each other; ours have five, transformers' seven
_DIGITS = 40  # of a whole number; transformers writes 1e30 for "no limit" with 31
_LONGEST = 100_000  # characters of a text, entries of a list
_SURROGATE = re.compile("[\ud800-\udfff]")
_AGAIN = "copy, fetch or export it again, from a source that you trust"
_LONGEST_PATH = 1_000  # bytes
_LONGEST_NAME = 255  # bytes of one part of a path, which file systems take


def read(path: Path) -> Fields:
    """Read a file that holds a JSON object.

    Raises:
        BundleFileMissing: There is no such file.
        BundleCorrupt: It is too large, no UTF-8, no JSON or no object.
    """
    return Fields.of(read_json(path), str(path))


def read_json(path: Path) -> Any:
    """Read a JSON file; see `read`."""
    links.check_inside(path.parent, path)
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise BundleFileMissing(f"{path} is missing: {_AGAIN}") from error
    except OSError as error:
        raise BundleCorrupt(f"{path} cannot be read ({error.strerror}): {_AGAIN}") from error
    if len(data) > LARGEST:
        raise BundleCorrupt(
            f"{path} is larger than {LARGEST:,} bytes, the most for a JSON file: {_AGAIN}"
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleCorrupt(
            f"{path} is not UTF-8 text (byte {error.start}); it was damaged: {_AGAIN}"
        ) from error
    return parse(text, str(path))


def _without_waiting(name: str, flags: int) -> int:
    """Open a file that may be a pipe with nobody at its other end, or a device: it ends at once."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def parse(text: str, file: str) -> Any:
    """Parse JSON whose texts, numbers and depth are such as any program can take.

    Args:
        text: The document.
        file: The file's name, for messages.

    Raises:
        BundleCorrupt: It is no such document.
    """
    try:
        value = json.loads(text, parse_int=_whole)
    except RecursionError as error:
        raise _too_deep(file) from error
    except ValueError as error:
        raise BundleCorrupt(
            f"{file} is not JSON ({error}); it was truncated or edited: {_AGAIN}"
        ) from error
    _check_depth(value, file)
    if "\\u" in text and any(_SURROGATE.search(part) for part in _texts(value)):
        raise BundleCorrupt(
            f"{file} holds half a surrogate pair, expected whole characters: {_AGAIN}"
        )
    return value


class Fields:
    """A JSON object and where it stands.

    Each method reads one field and raises `BundleCorrupt` where it is of another type or out of
    range. ``null`` counts as absent. `read` and `Fields.of` make one.
    """

    __slots__ = ("file", "place", "values")

    def __init__(self, values: Mapping[str, Any], file: str, place: str = "") -> None:
        self.values = values
        self.file = file
        self.place = place

    @classmethod
    def of(cls, value: Any, file: str, place: str = "") -> Fields:
        """Take what must be an object."""
        if not isinstance(value, dict):
            raise _wrong(file, place, value, "an object")
        return cls(value, file, place)

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, *, choices: Collection[str] = (), longest: int = _LONGEST) -> str:
        """Return a text, one of `choices` where there are any."""
        value = self._value(name)
        if not isinstance(value, str) or (choices and value not in choices):
            wanted = f"one of {', '.join(choices)}" if choices else "a text"
            raise self.wrong(name, wanted)
        if len(value) > longest:
            raise self.wrong(name, f"at most {longest:,} characters")
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, or ``None`` where it is absent."""
        return self.text(name) if name in self else None

    def path(self, name: str) -> str:
        """Return the path of a file or a folder inside the bundle, its parts divided by ``/``."""
        text = self.text(name, longest=_LONGEST_PATH)
        parts = [part.encode() for part in text.split("/")]
        inside = text.isprintable() and not set(text) & {"\\", ":"}
        if not inside or {b"", b".", b".."} & set(parts) or max(map(len, parts)) > _LONGEST_NAME:
            raise self.wrong(name, "a path inside the bundle, its parts divided by /")
        return text

    def whole(self, name: str, least: int, most: int = LARGEST_NUMBER) -> int:
        """Return a whole number from `least` to `most`; 512.0 is one too."""
        return self._number(name, self._value(name), least, most)

    def optional_whole(self, name: str, least: int, most: int = LARGEST_NUMBER) -> int | None:
        """Return a whole number, or ``None`` where it is absent."""
        return self.whole(name, least, most) if name in self else None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self._value(name) if name in self else default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def list(self, name: str, most: int = _LONGEST) -> Sequence[Any]:
        """Return a list of anything, empty where it is absent."""
        value = self._value(name) if name in self else []
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        if len(value) > most:
            raise self.wrong(name, f"at most {most:,} entries")
        return value

    def texts(self, name: str, most: int = _LONGEST) -> tuple[str, ...]:
        """Return a list of texts."""
        entries = self._numbered(name, most)
        return tuple(entries.text(key) for key in entries.values)

    def wholes(self, name: str, least: int, most: int = LARGEST_NUMBER) -> tuple[int, ...]:
        """Return a list of whole numbers from `least` to `most`."""
        entries = self._numbered(name)
        return tuple(entries.whole(key, least, most) for key in entries.values)

    def objects(self, name: str, most: int = _LONGEST) -> Iterator[Fields]:
        """Yield the objects of a list."""
        entries = self._numbered(name, most)
        return (entries.object(key) for key in entries.values)

    def object(self, name: str, most: int = _LONGEST) -> Fields:
        """Return an object, empty where it is absent."""
        value = self._value(name) if name in self else {}
        if isinstance(value, dict) and len(value) > most:
            raise self.wrong(name, f"at most {most:,} entries")
        return Fields.of(value, self.file, self._place(name))

    def wrong(self, name: str, expected: str) -> BundleCorrupt:
        """Return the error of a field that is not what was `expected`."""
        return _wrong(self.file, self._place(name), self.values.get(name), expected)

    def _numbered(self, name: str, most: int = _LONGEST) -> Fields:
        """Return a list as an object whose names are positions: ``files.3``."""
        found = {str(i): value for i, value in enumerate(self.list(name, most))}
        return Fields(found, self.file, self._place(name))

    def _value(self, name: str) -> Any:
        value = self.values.get(name)
        if value is None:
            where = self._place(name)
            raise BundleCorrupt(f"{self.file} has no {where}, expected one: {_AGAIN}")
        return value

    def _number(self, name: str, value: Any, least: int, most: int) -> int:
        # infinity and NaN compare as the chain needs it: neither is within any range
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not least <= value <= most or value != int(value):
            raise self.wrong(name, f"a whole number from {least:,} to {most:,}")
        return int(value)

    def _place(self, name: str) -> str:
        shown = shortened(name)
        return f"{self.place}.{shown}" if self.place else shown


def figure(value: Any, *names: str) -> float | None:
    """Return a finite number within objects that may hold anything, or ``None``.

    >>> figure({"parity": {"max_abs_diff": 1e-6}}, "parity", "max_abs_diff")
    1e-06
    >>> figure({"parity": ["x"]}, "parity", "max_abs_diff") is None
    True
    """
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits):,} digits, expected at most {_DIGITS}")
    return int(digits)


def _check_depth(value: Any, file: str) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        inner = (part for outer in level for part in _parts(outer))
        level = [part for part in inner if isinstance(part, list | dict)]
        if not level:
            return
    raise _too_deep(file)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _texts(value: Any) -> Iterator[str]:
    """Yield every text of a document, names of fields too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
    for part in _parts(value):
        yield from _texts(part)


def _too_deep(file: str) -> BundleCorrupt:
    return BundleCorrupt(
        f"{file} is nested deeper than {_DEEPEST} lists and objects, the most for a JSON file of "
        f"a bundle: {_AGAIN}"
    )


def _wrong(file: str, place: str, value: Any, expected: str) -> BundleCorrupt:
    subject = f"{file}: {place}" if place else file
    return BundleCorrupt(f"{subject} is {_got(value)}, expected {expected}: {_AGAIN}")


def _got(value: Any) -> str:
    """Describe a value in a few printable characters.

    >>> _got([1, 2]), _got("a" * 50)
    ('a list of 2', "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'")
    """
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return repr(shortened(value)) if isinstance(value, str) else json.dumps(value)
