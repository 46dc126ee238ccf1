"""What failed, in words: a line on stderr and, with ``--json``, one JSON document on stdout."""

from __future__ import annotations

import re
import sys
from contextlib import suppress

from edge_distil_apps.cli import console

# A message is "what was got, what was expected: what to do"; that begins with one of these words.
_DO = """
accept add allow ask call check choose connect convert copy correct cut delete export fetch finish
fine-tune free get give go install keep leave load make measure merge move name open overwrite pass
pip put raise register remove rename report run save say see serve set shorten show take train try
type unset upgrade use wait write
""".split()
_REMEDY = re.compile(rf"(?:[:;] |, or )((?:{'|'.join(_DO)}|edge-distil)\b.*)", re.DOTALL)
_OF_PYTHON = re.compile(r" \(\w+=(?:True|False)\)")  # what callers of the API type


def tell(kind: str, line: str) -> None:
    """Print the line of a failure; where JSON was asked for, its document as well.

    Args:
        kind: The name of the error's class.
        line: What failed, and what to do.
    """
    line = _OF_PYTHON.sub("", line)
    console.error(line)
    if _wants_json() and not console.is_told():
        message, remedy = split(line)
        # stdout itself may be what failed
        with suppress(OSError):
            console.document({"error": {"type": kind, "message": message, "remedy": remedy}})


def tell_usage(error: BaseException | None) -> None:
    """Print the document of wrong usage, whose line typer has printed."""
    words = getattr(error, "format_message", None)
    if words is not None and _wants_json() and not console.is_told():
        message, remedy = split(words())
        usage = {"type": "UsageError", "message": message, "remedy": remedy or _help(error)}
        with suppress(OSError):
            console.document({"error": usage})


def split(line: str) -> tuple[str, str | None]:
    """Split a message into what is wrong and what to do.

    >>> split("cannot read x.json (No such file or directory): check it")
    ('cannot read x.json (No such file or directory)', 'check it')
    >>> split("the disk is full")
    ('the disk is full', None)
    """
    found = _REMEDY.search(line)
    return (line[: found.start()], found[1]) if found else (line, None)


def _wants_json() -> bool:
    words = sys.argv[1:]
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _help(error: BaseException | None) -> str:
    """Return the command that says how the verb is used."""
    context = getattr(error, "ctx", None)
    return f"see {context.command_path if context else 'edge-distil'} --help"
