"""What the tests of the command line run and get."""

from __future__ import annotations

import os
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
    import pty  # not on Windows

    ours, theirs = pty.openpty()
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs, **settings)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(ours, 4096):
            shown += data
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0, shown
    return shown.decode()
