"""What failed, in words: a line on stderr and, with ``--json``, one JSON document on stdout."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from contextlib import suppress

from edge_distil_apps.cli import console

# A message is "what was got, what was expected: what to do"; that begins with one of these words.
_DO = """
accept add allow ask call check choose compare connect convert copy correct cut delete export fetch
finish fine-tune free get give go install keep leave let load make measure merge move name open
overwrite pass pip put raise register remove rename replace report run save say see send serve set
shorten show take train try type unset upgrade use wait write
""".split()
_VERB = rf"(?:{'|'.join(_DO)}|edge-distil)\b"
# After a comma, or first, a word of these may be a noun ("an id, name and path"), or a file's name.
_SURELY = rf"(?:so )?{_VERB}(?:: | (?:it|them|the|a|an|at|one|another|bundles)\b)"
_REMEDY = re.compile(
    rf"(?:[:;] |, or )({_VERB}.*)|(?:, |\A)({_SURELY}.*)|\? ((?i:{_VERB}).*)", re.DOTALL
)
# Where nothing else is said, what was expected is what to give.
_EXPECTED = re.compile(r", expected ([^:;]+)\Z", re.DOTALL)
_OF_PYTHON = re.compile(r" \(\w+=(?:True|False)\)")  # what callers of the API type


def tell(kind: str, line: str, notes: Sequence[str] = ()) -> None:
    """Print the line of a failure; where JSON was asked for, its document as well.

    Args:
        kind: The name of the error's class.
        line: What failed, and what to do.
        notes: What else is to be known.
    """
    line = _OF_PYTHON.sub("", line)
    console.error("; ".join((line, *notes)))
    if _wants_json() and not console.is_told():
        message, remedy = split(line)
        message = "; ".join((message, *notes))
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
    >>> split("k is 0, expected 1 or more")
    ('k is 0, expected 1 or more', 'give 1 or more')
    """
    if found := _REMEDY.search(line):
        return line[: found.start()] or line, found[1] or found[2] or found[3]
    expected = _EXPECTED.search(line)
    return line, f"give {expected[1]}" if expected else None


def _wants_json() -> bool:
    words = sys.argv[1:]
    return "--json" in (words[: words.index("--")] if "--" in words else words)


def _help(error: BaseException | None) -> str:
    """Return the command that says how the verb is used."""
    context = getattr(error, "ctx", None)
    return f"see {context.command_path if context else 'edge-distil'} --help"
