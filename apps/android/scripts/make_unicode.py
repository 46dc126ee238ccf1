"""Write unicode.txt: what Hugging Face's `tokenizers` takes each character for.

    python apps/android/scripts/make_unicode.py

Java's tables are of the device's version of Unicode, so none of them is used: the library itself is
asked about every character, as for the JavaScript runtime, whose script is read for what both need.
Here there are also the decompositions and the combining classes, which JavaScript's engines have.
"""

from __future__ import annotations

import runpy
import unicodedata
from collections.abc import Callable
from pathlib import Path

from tokenizers import __version__ as version
from tokenizers import normalizers

ANDROID = Path(__file__).parents[1]
OUTPUT = ANDROID / "edge-distil" / "src" / "main" / "resources" / "edge" / "distil" / "unicode.txt"
_SHARED = runpy.run_path(str(ANDROID.parent / "web" / "runtime" / "scripts" / "make_unicode.py"))
_CHARACTERS: list[str] = _SHARED["CHARACTERS"]
_UNUSED = ("NON_STARTER", "DECOMPOSED", "COMPATIBLE")  # the tables below say more
_packed: Callable[..., str] = _SHARED["packed"]
_NFC, _NFD, _NFKD = normalizers.NFC(), normalizers.NFD(), normalizers.NFKD()
_HANGUL = range(0xAC00, 0xD7A4)  # decomposed by a rule


def _classes() -> dict[int, list[str]]:
    """Return the marks of each combining class: those that neither go before nor behind another."""
    marks = [c for c in _CHARACTERS if _NFD.normalize_str(c) == c and _moves(c)]
    samples = {unicodedata.combining(c): c for c in reversed(marks)}
    samples.pop(0, None)  # newer in the library than in Python
    found: dict[int, list[str]] = {number: [] for number in samples}
    for character in marks:
        (number,) = (n for n, sample in samples.items() if _alike(sample, character))
        found[number].append(character)
    return found


def _moves(character: str) -> bool:
    test: Callable[[str], bool] = _SHARED["TABLES"]["NON_STARTER"][1]
    return test(character)


def _alike(one: str, other: str) -> bool:
    return all(_NFD.normalize_str(pair) == pair for pair in (one + other, other + one))


def _decompositions(form: normalizers.Normalizer, but: normalizers.Normalizer | None) -> str:
    """Write what each character is decomposed to, in hexadecimal, where `but` gives another."""
    written = []
    for character in _CHARACTERS:
        made = form.normalize_str(character)
        known = character if but is None else but.normalize_str(character)
        if made not in (character, known) and ord(character) not in _HANGUL:
            written.append("=".join([_hex(character), ",".join(map(_hex, made))]))
    return " ".join(written)


def _compositions() -> str:
    """Write which two characters are composed to which one."""
    written = []
    for character in _CHARACTERS:
        parts = _NFD.normalize_str(character)
        if len(parts) > 1 and ord(character) not in _HANGUL:
            first = _NFC.normalize_str(parts[:-1])
            if len(first) == 1 and _NFC.normalize_str(first + parts[-1]) == character:
                written.append(",".join(map(_hex, (first, parts[-1], character))))
    return " ".join(written)


def _hex(character: str) -> str:
    return f"{ord(character):x}"


def main() -> None:
    """Ask the library and write the file."""
    lines = [
        f"# Made by scripts/make_unicode.py: what tokenizers {version} takes each character for"
    ]
    shared = _SHARED["TABLES"].items()
    for name, (_, test) in shared:
        if name not in _UNUSED:
            lines.append(f"{name} {_packed(filter(test, _CHARACTERS))}")
    lines.append(f"LOWER_CASE {_SHARED['lower_case']()}")
    for number, marks in sorted(_classes().items()):
        lines.append(f"CLASS_{number} {_packed(marks)}")
    lines.append(f"CANONICAL {_decompositions(_NFD, None)}")
    lines.append(f"COMPATIBILITY {_decompositions(_NFKD, _NFD)}")
    lines.append(f"COMPOSED {_compositions()}")
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
