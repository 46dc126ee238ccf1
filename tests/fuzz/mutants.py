"""Mutators: JSON by its structure and by its bytes, other files by their bytes, texts, options."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from random import Random
from typing import Any

# What a value is replaced by. Texts may be any JSON text; `RAW` cannot be said by Python's values.
ATOMS = [
    None, True, False, 0, 1, -1, 2, 7, 255, 2**31, 2**31 - 1, 2**32, 2**53, 2**63, 2**64, 10**39,
    0.0, -0.5, 1e-300, 1e30, 1e308, "", " ", "a", "x" * 300, "x" * 100_001, "[MASK]", "[UNK]",
    "\u0000", "\x1b[2J", "\u202e", "é", "語", "😀", "../..", "/etc/passwd", "C:\\x", "a/b/../c",
    [], [[]], [None], [0] * 50, {}, {"": {}}, {"a": [1]}, {"path": {}}, {"content": "[MASK]"},
]  # fmt: skip
RAW = [
    "1e999", "-1e999", "NaN", "-Infinity", "9" * 5000, "-" + "9" * 41, "[" * 100_000,
    '{"a":' * 60_000, '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', "00", "+1", "tru", "'a'",
    "[1,]", '{"a" 1}', "",
    "[" * 70 + "]" * 70, '{"a":1,"a":[]}', "\ufeff{}",
]  # fmt: skip
_MARK = "@raw@"
_TEXTS = [
    "a", "Z", "9", " ", "\t", "\n", "\r\n", "\x00", "\x1b",
    "é", "é", "ß", "İ", "ﬁ", "語", "한", "ع",
    "हि", "😀", "👨\u200d👩\u200d👧", "\u200b", "\u202e", "\ufeff", "\u2028",
    "\ud800", "\udfff", "\uffff",
    "[MASK]", "[SEP]", "[CLS]", "[PAD]", "##a", "Ada", "London", "who", "?", ".", "...", "-",
    "'", '"',
]  # fmt: skip
_OPTIONS = [
    None, True, False, 0, 1, 2, 3, 5, 15, 48, 128, 384, 512, -1, -5, 10**6, 10**18, 2**63, 2**64,
    0.0, 1.5,
    float("nan"), float("inf"), "1", "", b"1", [], [1], {}, (), "\ud800",
]  # fmt: skip


def json_mutant(document: Any, random: Random) -> bytes:
    """Return a damaged document: by one to three changes of its structure, or of its bytes."""
    changed = copy.deepcopy(document)
    raw = None
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        changed, raw = _change(changed, random, raw)
    text = json.dumps(changed, ensure_ascii=random.random() < 0.5)
    if raw is not None:
        text = text.replace(f'"{_MARK}"', raw)
    data = text.encode("utf-8", "surrogatepass")
    return bytes_mutant(data, random) if random.random() < 0.15 else data


def bytes_mutant(data: bytes, random: Random) -> bytes:
    """Return damaged bytes: flipped, cut, repeated, moved, overwritten."""
    found = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at, length = random.randrange(len(found) + 1), random.choice((1, 1, 2, 4, 8, 64, 1000))
        kind = random.randrange(6)
        if kind == 0 and at < len(found):
            found[at] ^= 1 << random.randrange(8)
        elif kind == 1:
            found[at : at + length] = random.randbytes(length)
        elif kind == 2:
            del found[at : at + length]
        elif kind == 3:
            found[at:at] = found[at : at + length] * random.choice((1, 2, 30))
        elif kind == 4:
            found[at : at + length] = bytes([random.choice((0, 0x7F, 0x80, 0xFF))]) * length
        elif random.random() < 0.3:
            del found[at:]
    return bytes(found)


def text(random: Random, most: int = 60) -> Any:
    """Return a text of anything, now and then something that is none."""
    if random.random() < 0.02:
        return random.choice(_OPTIONS)
    pieces = random.choices(_TEXTS, k=random.randrange(most))
    if random.random() < 0.3:
        pieces += [chr(random.randrange(0x110000)) for _ in range(random.randrange(20))]
    if random.random() < 0.02:
        pieces *= 200
    return random.choice(("", " ", "")).join(pieces)


def options(random: Random, names: list[str]) -> dict[str, Any]:
    """Return some options with any values, good ones more often than not."""
    chosen = random.sample(names, random.randrange(len(names) + 1))
    good = [value for value in _OPTIONS if isinstance(value, int) and 0 < value < 400]
    return {name: random.choice(good if random.random() < 0.6 else _OPTIONS) for name in chosen}


def _change(document: Any, random: Random, raw: str | None) -> tuple[Any, str | None]:
    holders = list(_holders([document]))
    holder, key = random.choice(holders)
    whole = holders[0][0]
    kind = random.randrange(8)
    if kind == 0 and holder is not whole:
        del holder[key]
    elif kind == 1:
        raw = random.choice(RAW)
        holder[key] = _MARK
    elif kind == 2:
        other, place = random.choice(holders)
        holder[key] = copy.deepcopy(other[place])
    elif kind == 3 and isinstance(holder[key], list):
        holder[key] = holder[key] * random.choice((2, 3, 100))
    elif kind == 4 and isinstance(holder, dict) and holder is not whole:
        holder[str(random.choice(ATOMS))[:50]] = holder.pop(key)
    elif kind == 5 and isinstance(holder[key], int | float):
        holder[key] = random.choice(
            (holder[key] + 1, holder[key] - 1, -holder[key], 10 * holder[key])
        )
    else:
        holder[key] = copy.deepcopy(random.choice(ATOMS))
    return whole[0], raw


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a document as what holds it and where."""
    for key in list(value if isinstance(value, dict) else range(len(value))):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _holders(value[key])
