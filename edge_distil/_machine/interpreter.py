"""Python processes of our own: they import what is installed, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path


def python(*arguments: str | Path) -> tuple[str, ...]:
    """Return the command that runs this interpreter with some arguments.

    ``-P``: without it, ``-c`` and ``-m`` look for every module in the working directory first, so
    that a stranger's ``json.py`` there would run.

    >>> python("-m", "json.tool")[1:]
    ('-P', '-m', 'json.tool')
    """
    return (sys.executable, "-P", *map(str, arguments))
