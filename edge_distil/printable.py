"""Foreign text made safe to show: a terminal acts on some characters instead of drawing them."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Escape what is not drawn: control characters, changes of direction, halves of pairs.

    A label can move the cursor, clear the screen or set the window's title with ESC; a change of
    writing direction (U+202E) makes ``txt.exe`` of ``exe.txt``.

    >>> print(printable("café " + chr(27) + "[2J" + chr(0x202e)))
    café \x1b[2J\u202e
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shortened(text: str, most: int = 40) -> str:
    """Cut a text to `most` characters and escape it, for a message of one line.

    >>> shortened("a" * 9, most=4)
    'aaaa...'
    """
    return printable(text if len(text) <= most else f"{text[:most]}...")
