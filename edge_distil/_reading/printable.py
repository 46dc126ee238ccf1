"""Foreign text made safe to show: a terminal acts on some characters instead of drawing them."""

from __future__ import annotations

import re
from typing import Any

# Control characters of ASCII and of Latin-1, ends of lines and paragraphs, changes of the writing
# direction, halves of surrogate pairs.
_ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_OF_A_PAGE = "\n\t"


def printable(text: str, *, lines: bool = False) -> str:
    r"""Escape what is not drawn but acted on.

    A label can move the cursor, clear the screen or set the window's title with ESC; a change of
    writing direction (U+202E) makes ``txt.exe`` of ``exe.txt``. The escapes are JSON's.

    >>> print(printable("café " + chr(27) + "[2J" + chr(0x202E)))
    café \u001b[2J\u202e

    Args:
        text: Any text.
        lines: Keep ends of lines and tabulators.
    """
    return _ACTS.sub(lambda found: _escaped(found[0], lines), text)


def shortened(text: str, most: int = 40) -> str:
    """Cut a text to `most` characters and escape it, for a message of one line.

    >>> shortened("a" * 9, most=4)
    'aaaa...'
    """
    return printable(text if len(text) <= most else f"{text[:most]}...")


def shown(value: Any, most: int = 80) -> str:
    """Write out what a caller passed, for a message of one line.

    >>> shown(("a", 1)), shown("b" * 9, most=4), shown(10**5000)
    ("('a', 1)", "'bbbb...'", 'an int')

    Args:
        value: Anything: a text of any length, an array, a number of more digits than Python writes.
        most: Characters at most.
    """
    if isinstance(value, str):
        return repr(value if len(value) <= most else f"{value[:most]}...")
    try:
        text = repr(value)
    except Exception:  # any kind: how it is written is its own affair
        name = type(value).__name__
        return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
    return shortened(" ".join(text.split()), most)


def _escaped(character: str, lines: bool) -> str:
    return character if lines and character in _OF_A_PAGE else f"\\u{ord(character):04x}"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error of others says; its type's name where it is silent."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
