"""stdin, stdout and stderr as they are found: closed, full, without a reader, of few characters."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

_DEGRADE = "edge-distil.degrade"  # the name under which `_degrade` is registered
# How our own signs look where the encoding has none; others are shown as Python escapes them.
_PLAIN = {
    "·": "-", "—": "-", "–": "-", "…": "...", "×": "x", "±": "+-", "≈": "~", "≤": "<=", "≥": ">=",
    "→": "->", "“": '"', "”": '"', "’": "'", "━": "=", "╸": "=", "╺": "=", "│": "|",
}  # fmt: skip
_REASONS = {
    errno.EBADF: "it is closed",
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than this process may write",
}


@contextmanager
def prepared() -> Iterator[None]:
    """Open what is closed and let characters that cannot be encoded degrade.

    What the processes that are started here import is no business of the working directory's
    either, whoever starts them: see `edge_distil._machine.interpreter`.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        _open(number, name)
    codecs.register_error(_DEGRADE, _degrade)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_DEGRADE)
    had = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if had is None:
            del os.environ["PYTHONSAFEPATH"]


def _open(number: int, name: str) -> None:
    """Take up a descriptor that is closed: the next file that is opened would get its number.

    Reading stdin and writing stdout then fail as they do on a closed descriptor; what goes to
    stderr goes nowhere.
    """
    try:
        os.fstat(number)
    except OSError:
        mode = (os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)[number]
        found = os.open(os.devnull, mode)
        if found != number:
            os.dup2(found, number)
            os.close(found)
        os.set_inheritable(number, True)
    if getattr(sys, name) is None:
        stream = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, stream)


def _degrade(error: UnicodeError) -> tuple[str, int]:
    r"""Replace what an encoding lacks, as a codec's error handler does.

    >>> _degrade(UnicodeEncodeError("ascii", "3 · é", 2, 5, ""))
    ('- \\xe9', 5)
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    escaped = (_PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking)
    return "".join(escaped), error.end


def can_encode(text: str) -> bool:
    """Return whether stdout can take a text as it is."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def degraded(text: str) -> str:
    """Return a text with what stdout lacks replaced, for what writes past its error handler."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, _DEGRADE).decode(encoding)


def finish(status: int) -> int:
    """Write what is still held back, and return the status of the whole.

    A reader that has gone changes nothing; a result that cannot be written is a failure.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            discard(stream)
        except OSError as error:
            discard(stream)
            if stream is sys.stdout:
                with suppress(OSError):
                    print(f"error: {cannot_write(error)}", file=sys.stderr)
                status = status or 1
    return status


def cannot_write(error: OSError) -> str:
    """Put into words why the output cannot be written."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return f"cannot write the output ({reason}): send stdout to another place"


def discard(stream: TextIO) -> None:
    """Let what a stream holds go nowhere: Python would try again at its end, and complain."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
