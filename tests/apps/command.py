"""What the tests of the command line run and get."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a command did."""

    status: int
    out: str
    err: str


Command = Callable[..., Result]


def run_without(module: str, *arguments: str | Path, folder: Path | None = None) -> Result:
    """Run a command where a module cannot be imported, as without the extra that brings it."""
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from edge_distil_apps.cli import main\n"
        "sys.argv[0] = 'edge-distil'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def on_a_terminal(words: list[str], **settings: Any) -> str:
    """Run a program whose stderr is a terminal; return what is shown there."""
    status, shown = read_terminal(words, 80, stdout=subprocess.DEVNULL, **settings)
    assert status == 0, shown
    return shown.decode()


def read_terminal(
    words: list[str], columns: int, until: bytes = b"", **settings: Any
) -> tuple[int, bytes]:
    """Run a program on a terminal of so many columns.

    Args:
        words: What is run.
        columns: The terminal's width.
        until: Ctrl-C is typed once this is shown.
        settings: What else `subprocess.Popen` takes; streams that it names are no terminal.

    Returns:
        Its status, and what was shown.
    """
    import fcntl  # none of these on Windows
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    streams = {"stdout": theirs, "stderr": theirs, **settings}
    process = subprocess.Popen(words, **streams)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 4096):
            shown += data
            if until and until in shown:
                process.send_signal(signal.SIGINT)
                until = b""
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    return process.wait(), shown
