"""Lines with marks, as in ``[bold]name[/bold]``, which a terminal shows and a pipe never sees.

rich knows many more marks, and takes as long to import as a short command to do its work.
"""

from __future__ import annotations

import os
import re
from typing import TextIO

from edge_distil._reading.printable import printable

_STYLES = {"bold": "1", "dim": "2", "green": "32", "bold red": "1;31"}  # mark -> ECMA-48's number
_MARK = re.compile(rf"\\([\\\[])|\[(/?)({'|'.join(_STYLES)})\]")


def text(value: str) -> str:
    """Escape text that is not ours, so that its brackets are printed and not read as marks."""
    return value.replace("\\", "\\\\").replace("[", "\\[")


def rendered(line: str, stream: TextIO, *, lines: bool = False) -> str:
    r"""Turn marks into what a terminal acts on; nothing else in the line is such.

    >>> import io
    >>> rendered("[bold]" + text(r"[bold]\n") + "[/bold]: 3", io.StringIO())
    '[bold]\\n: 3'

    Args:
        line: The line.
        stream: Where it will go.
        lines: Keep ends of lines and tabulators that are in it.
    """
    styled = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def one(found: re.Match[str]) -> str:
        escaped, end, style = found.groups()
        if escaped or not styled:
            return escaped or ""
        return "\x1b[0m" if end else f"\x1b[{_STYLES[style]}m"

    return _MARK.sub(one, printable(line, lines=lines))
