"""Write src/tokenizer/characters/unicode.ts: what `tokenizers` takes each character for.

    python apps/web/runtime/scripts/make_unicode.py

The library's tables are of several versions of Unicode, and a browser's are of yet another one. So
the library itself is asked about every character, and the answers are what the runtime reads: the
same ids and offsets in every engine, whatever its age.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers import __version__ as version

OUTPUT = Path(__file__).parents[1] / "src" / "tokenizer" / "characters" / "unicode.ts"
CHARACTERS = [chr(n) for n in range(0x110000) if not 0xD800 <= n < 0xE000]
_CLEAN = normalizers.BertNormalizer(
    clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False
)
_CHINESE = normalizers.BertNormalizer(
    clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False
)
_LOWER = normalizers.Lowercase()
_NFD, _NFKD = normalizers.NFD(), normalizers.NFKD()
_BERT_MARKS = normalizers.BertNormalizer(
    clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False
)
_STRIP = normalizers.StripAccents()
_BERT = pre_tokenizers.BertPreTokenizer()
_PUNCTUATION = pre_tokenizers.Punctuation()
_UNITS, _FIRST_UNIT, _LEAF = 1024, 256, 512  # of sentencepiece's double array
_ACCENT, _JOINER, _KA, _VIRAMA = "\u0301", "\u200d", "\u0915", "\u094d"
_MARK = "\u0345"  # of the greatest combining class, 240: every other mark comes before it


def matches(pattern: str) -> Callable[[str], bool]:
    """Return whether a character is one that the library's regular expressions match."""
    replace = normalizers.Replace(Regex(pattern), "")
    return lambda character: replace.normalize_str(character) == ""


@cache
def _counter() -> normalizers.Precompiled:
    """Return a map that makes a Z of every text that begins with any byte.

    The library looks a cluster of less than six bytes up as a whole, and of longer ones each
    character: the Zs count the clusters.
    """
    units = [0] * _UNITS
    units[0] = _FIRST_UNIT << 10
    for byte in range(1, 256):
        place = _FIRST_UNIT ^ byte
        units[place] = byte | 1 << 8 | (place ^ _LEAF) << 10
    units[_LEAF] = 0x80000000
    table = struct.pack(f"<{_UNITS}I", *units)
    return normalizers.Precompiled(struct.pack("<I", len(table)) + table + b"Z\0")


def clusters(text: str) -> int:
    """Count the clusters of a text, or, of those of six bytes and more, the characters."""
    return len(_counter().normalize_str(text))


def joins(character: str) -> bool:
    """Return whether a character is of one cluster with a letter before it."""
    return clusters(f"a{character}") == 1


TABLES: dict[str, tuple[str, Callable[[str], bool]]] = {
    "REMOVED": (
        "BERT's clean-up drops these.",
        lambda c: _CLEAN.normalize_str(c) == "",
    ),
    "SPACE": (
        "BERT's clean-up makes a space of these.",
        lambda c: c != " " and _CLEAN.normalize_str(c) == " ",
    ),
    "CHINESE": (
        "BERT puts spaces around these.",
        lambda c: _CHINESE.normalize_str(c) == f" {c} ",
    ),
    "NONSPACING": (
        "Marks that BERT drops with strip_accents.",
        lambda c: _BERT_MARKS.normalize_str(c) == "",
    ),
    "COMBINING": (
        "Marks that StripAccents drops.",
        lambda c: _STRIP.normalize_str(c) == "",
    ),
    "NON_STARTER": (
        "Of a combining class other than 0.",
        lambda c: c == _MARK or _NFD.normalize_str(_MARK + c) != _MARK + _NFD.normalize_str(c),
    ),
    "DECOMPOSED": (
        "With a canonical decomposition.",
        lambda c: _NFD.normalize_str(c) != c,
    ),
    "COMPATIBLE": (
        "With a compatibility decomposition.",
        lambda c: _NFKD.normalize_str(c) != c,
    ),
    "PUNCTUATION": (
        "A token by itself.",
        lambda c: len(_BERT.pre_tokenize_str(f"a{c}a")) == 3,
    ),
    "WHITESPACE": (
        "Between two words.",
        lambda c: len(_BERT.pre_tokenize_str(f"a{c}a")) == 2,
    ),
    "LETTER": ("\\p{L} of a pattern.", matches(r"\p{L}")),
    "NUMBER": ("\\p{N} of a pattern.", matches(r"\p{N}")),
    "MARK": ("\\p{M} of a pattern.", matches(r"\p{M}")),
    "PUNCTUATION_CLASS": ("\\p{P} of a pattern.", matches(r"\p{P}")),
    "SYMBOL": ("\\p{S} of a pattern.", matches(r"\p{S}")),
    "UPPER": ("\\p{Lu} of a pattern.", matches(r"\p{Lu}")),
    "LOWER": ("\\p{Ll} of a pattern.", matches(r"\p{Ll}")),
    "WORD": ("\\w of a pattern.", matches(r"\w")),
    "BLANK": ("\\s of a pattern.", matches(r"\s")),
    "ALONE": (
        "A cluster by itself: controls.",
        lambda c: c == "\0" or clusters(c + 2 * _ACCENT) == 2,
    ),
    "JOINED": ("Of one cluster with what stands before.", joins),
    "EXTENDING": (
        "Marks that may stand before a joiner.",
        lambda c: joins(c) and clusters(f"\u00a9{c}{_JOINER}\u00a9{_ACCENT}") == 5,
    ),
    "PREPENDED": (
        "Of one cluster with what stands behind.",
        lambda c: clusters(f"{c}a") == 1,
    ),
    "PICTOGRAPH": (
        "Joined to others by a joiner.",
        lambda c: not joins(c) and clusters(f"\u00a9{_JOINER}{c}") == 3,
    ),
    "CONSONANT": (
        "Joined to others by a linker.",
        lambda c: clusters(f"{c}{_VIRAMA}{_KA}{_ACCENT}") == 4,
    ),
    "LINKER": (
        "Joins consonants.",
        lambda c: clusters(f"{_KA}{c}{_KA}{_ACCENT}") == 4,
    ),
    "BETWEEN": (
        "May stand beside a linker.",
        lambda c: clusters(f"{_KA}{_VIRAMA}{c}{_KA}{_ACCENT}") == 5,
    ),
}


def ranges(characters: Iterable[str]) -> list[tuple[int, int]]:
    """Group characters into ranges, both ends included."""
    found: list[tuple[int, int]] = []
    for number in map(ord, characters):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def packed(characters: Iterable[str]) -> str:
    """Write ranges as distances in base 36: from the last end to a start, from a start to its end.

    >>> packed("abcx")
    '2p.2 l'
    """
    words, last = [], 0
    for start, end in ranges(characters):
        distance = base36(start - last)
        words.append(f"{distance}.{base36(end - start)}" if end > start else distance)
        last = end
    return " ".join(words)


def base36(number: int) -> str:
    """Write a number as JavaScript's parseInt(text, 36) reads it."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        if not number:
            return digits


def lower_case() -> str:
    """Write the lower case of each character that has another: start, count, step, distance."""
    pairs = [(ord(c), _LOWER.normalize_str(c)) for c in CHARACTERS]
    single = [(n, ord(s) - n) for n, s in pairs if len(s) == 1 and ord(s) != n]
    groups: list[list[int]] = []  # start, count, step, distance
    for number, distance in single:
        if groups and groups[-1][3] == distance:
            start, count, step, _ = groups[-1]
            gap = number - (start + (count - 1) * step)
            if gap in (1, 2) and (count == 1 or gap == step):
                groups[-1][1:3] = [count + 1, gap]
                continue
        groups.append([number, 1, 1, distance])
    several = [n for n, s in pairs if len(s) != 1]
    assert several == [0x130], several  # İ, whose lower case is i and a dot
    return " ".join(",".join(map(str, group)) for group in groups)


def main() -> None:
    """Ask the library and write the file."""
    lines = [
        f"// Made by scripts/make_unicode.py: what tokenizers {version} takes each character for.",
        "// Ranges as distances in base 36: from the last end to a start, '.', to the range's end.",
    ]
    for name, (says, test) in TABLES.items():
        lines += [
            "",
            f"/** {says} */",
            f'export const {name} = "{packed(filter(test, CHARACTERS))}";',
        ]
    lines += [
        "",
        "/** Lower case: start, count, step, distance. */",
        f'export const LOWER_CASE = "{lower_case()}";',
        "",
    ]
    OUTPUT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
