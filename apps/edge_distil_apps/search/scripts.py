"""Scripts that put no blanks between words: there a character stands for a word.

SQLite's tokenizer takes a sentence of theirs for one word, in which nothing is found. Its trigram
tokenizer finds parts of words, but none of two characters, which most Chinese words have. So each
character is indexed by itself, and what is looked for is neighbours.
"""

from __future__ import annotations

import re
from itertools import pairwise

# Thai, Lao, Myanmar, Khmer; kana, Han, Hangul (whose blanks part phrases), half-width kana.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_CHARACTER = re.compile(f"([{UNSPACED}])")
_RUNS = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
# A code point that is not a character and stands in no text; SQLite's tokenizer parts words at it.
_BLANK = "\ufffe"


def spaced(text: str) -> str:
    """Part characters of such scripts from each other and from all others; see `unspaced`."""
    return _CHARACTER.sub(rf"{_BLANK}\1{_BLANK}", text)


def unspaced(text: str) -> str:
    """Undo `spaced`."""
    return text.replace(_BLANK, "")


def terms(word: str) -> list[str]:
    """Return what to look for in the place of a word that has no blanks.

    A run of such characters is found by any two neighbours, for it may be several words.

    >>> terms("lamp"), terms("東京"), terms("iPhone充電器")
    (['lamp'], ['東京'], ['iPhone', '充電', '電器'])
    """
    found: list[str] = []
    for run in _RUNS.findall(word):
        if len(run) > 2 and _CHARACTER.match(run):
            found += [first + second for first, second in pairwise(run)]
        else:
            found.append(run)
    return found
