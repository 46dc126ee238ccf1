"""A second mutator of JSON: values change places, types and spellings; files lend to each other.

`mutants.json_mutant` puts in what is strange; here most values are ones that some field does take.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

Place = tuple[Any, Any]  # what holds a value, and its key or index there

_LONG = 5_000  # elements or characters
_NUMBERS = (
    "1e2", "1E+2", "-0", "-0.0", "1.0", "0.1e1", "1e400", "-1e400", "9007199254740993", "1e22",
    "12345678901234567890123", "4.9e-324", "2147483648", "-2147483649",
)  # fmt: skip
_TAILS = (b"\0", b"{}", b"]", b"// no", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80")
_HEADS = (b"\xef\xbb\xbf", b"\xff\xfe", b"/* no */", b"\x1f\x8b", b" ", b"\x0b")
_ODD = "@odd@"  # before what is to be written as it is


def swapped(document: Any, others: Sequence[Any], random: Random) -> bytes:
    """Return a damaged document.

    Args:
        document: The document.
        others: Those that it may borrow from.
        random: The source of chance.
    """
    root = [copy.deepcopy(document)]
    for _ in range(random.choice((1, 1, 2, 3, 5))):
        random.choice(_CHANGES)(_places(root), others, random)
    text = json.dumps(root[0], ensure_ascii=random.random() < 0.5, default=str)
    return _encoded(_unmarked(text, random), random)


def _places(root: list[Any]) -> list[Place]:
    found: list[Place] = []
    waiting: list[Any] = [root]
    while waiting:
        holder = waiting.pop()
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


def _exchange(places: list[Place], others: Sequence[Any], random: Random) -> None:
    (a, i), (b, j) = random.choice(places), random.choice(places)
    a[i], b[j] = copy.deepcopy(b[j]), copy.deepcopy(a[i])


def _borrow(places: list[Place], others: Sequence[Any], random: Random) -> None:
    """Take a value from another document, from a place of the same name where there is one."""
    holder, key = random.choice(places)
    found = _places([random.choice(others)])
    alike = [place for place in found if place[1] == key]
    lender, name = random.choice(alike if alike and random.random() < 0.7 else found)
    holder[key] = copy.deepcopy(lender[name])


def _confuse(places: list[Place], others: Sequence[Any], random: Random) -> None:
    """Give a value another type that reads the same to a careless eye."""
    holder, key = random.choice(places)
    value = holder[key]
    choices: list[Any]
    if isinstance(value, bool) or value is None:
        choices = [int(bool(value)), str(value).lower(), float(bool(value)), [value], not value]
    elif isinstance(value, int | float):
        choices = [float(value), str(value), [value], bool(value), -value, value + 0.5, {"": value}]
    elif isinstance(value, str):
        choices = [[value], list(value)[:99], {value: value}, None, len(value), value[::-1]]
        choices += [value.upper(), f" {value}", f"{value}\0", value * 2, f"./{value}", value[:1]]
    elif isinstance(value, list):
        choices = [dict(enumerate(value)), value[::-1], value[:1], value[1:], [value, value]]
    else:
        upper = {str(name).upper(): item for name, item in value.items()}
        choices = [[list(i) for i in value.items()], list(value.values()), [value], upper]
    holder[key] = copy.deepcopy(random.choice(choices))


def _grow(places: list[Place], others: Sequence[Any], random: Random) -> None:
    holder, key = random.choice(places)
    value = holder[key]
    if isinstance(value, list):
        holder[key] = (value or [None]) * max(1, _LONG // len(_places([value])))
    elif isinstance(value, dict):
        holder[key] = {**value, **{f"x{number}": number for number in range(_LONG)}}
    elif isinstance(value, str):
        holder[key] = (value or "x") * (_LONG // max(1, len(value)))
    else:
        for _ in range(random.choice((5, 60, 300))):
            value = [value] if random.random() < 0.5 else {"a": value}
        holder[key] = value


def _lose(places: list[Place], others: Sequence[Any], random: Random) -> None:
    holder, key = random.choice(places)
    if isinstance(holder, dict):
        del holder[key]
    else:
        holder[key] = None


def _spell(places: list[Place], others: Sequence[Any], random: Random) -> None:
    """Write a text by its escapes, a number another way, or a key twice."""
    holder, key = random.choice(places)
    value = holder[key]
    if isinstance(value, str) and len(value) < 200:
        units = value.encode("utf-16-be", "surrogatepass")
        escapes = [f"u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)]
        if escapes and random.random() < 0.3:
            escapes.pop(random.randrange(len(escapes)))  # of a pair one half stays
        holder[key] = _ODD + "".join(f"@{escape}" for escape in escapes)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        holder[key] = _ODD + random.choice(_NUMBERS)
    elif isinstance(holder, dict):
        lender, name = random.choice(places)
        holder[f"{key}{_ODD}"] = copy.deepcopy(lender[name])


_CHANGES: tuple[Callable[[list[Place], Sequence[Any], Random], None], ...] = (
    _exchange, _exchange, _borrow, _borrow, _confuse, _confuse, _confuse, _spell, _spell, _grow,
    _lose,
)  # fmt: skip


def _unmarked(text: str, random: Random) -> str:
    """Take out the marks that `_spell` left."""
    for number in _NUMBERS:
        text = text.replace(f'"{_ODD}{number}"', number)
    if _ODD in text:
        text = text.replace(_ODD, "").replace("@u", "\\u")
    return text


def _encoded(text: str, random: Random) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    chance = random.random()
    if chance < 0.02:
        return text.encode(random.choice(("utf-16", "utf-32-le", "utf-7")), "replace")
    if chance < 0.05:
        return data + random.choice(_TAILS)
    if chance < 0.07:
        return random.choice(_HEADS) + data
    if chance < 0.10:
        return data[: random.randrange(len(data) + 1)]
    return data
