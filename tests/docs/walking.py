"""A command as a user meets it: on a terminal of some size or in a pipe, in few characters."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import materials
from command import read_terminal

CUT = "…"  # how rich ends what it cuts
# Encoding -> what sets it, and how its output is read.
ENCODINGS = {
    "UTF-8": ({"LANG": "C.UTF-8"}, "utf-8"),
    "LANG=C": (
        {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        "ascii",
    ),
    "cp1252": ({"PYTHONIOENCODING": "cp1252"}, "cp1252"),
}
_CONTROL = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|\]8;[^\x1b]*\x1b\\)")  # colours, cursor, links
_BORDERS = str.maketrans("", "", "│|╭╮╰╯─")


@dataclass(frozen=True)
class Place:
    """Where output goes."""

    width: int
    terminal: bool
    encoding: str

    def __str__(self) -> str:
        return f"{self.width} columns, {'TTY' if self.terminal else 'pipe'}, {self.encoding}"


# Every width, both kinds of stream and every encoding: where what takes long is walked.
FEW = [Place(40, True, "LANG=C"), Place(80, False, "cp1252"), Place(120, True, "UTF-8")]
_POOR = itertools.product((40, 80, 120), (False, True), ("LANG=C", "cp1252"))
PLACES = [*(Place(*each) for each in _POOR), FEW[2]]


@dataclass(frozen=True)
class Seen:
    """What a command did: its status, and what it printed, without a terminal's signs."""

    status: int
    said: str

    @property
    def whole(self) -> str:
        """All that was printed, where lines are folded, without the folds."""
        return "".join(self.said.translate(_BORDERS).split())


def go(line: str, folder: Path, programs: Path, place: Place, until: str = "") -> Seen:
    """Run what is typed.

    Args:
        line: It.
        folder: Where.
        programs: Folder of the installation's programs.
        place: Where its output goes.
        until: It is interrupted once it has printed this.
    """
    kept = {name: os.environ[name] for name in ("TMPDIR", "SYSTEMROOT") if name in os.environ}
    settings, encoding = ENCODINGS[place.encoding]
    environment = {
        **kept, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder / "home"),
        "HF_HOME": str(folder / materials.HUB), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1",
        **({} if place.terminal else {"COLUMNS": str(place.width)}),
        "TERM": "xterm-256color", **settings,
    }  # fmt: skip
    command = ["sh", "-c", f"exec {line}" if until else line]
    options = {"cwd": folder, "env": environment, "stdin": subprocess.DEVNULL}
    if place.terminal:
        status, shown = read_terminal(command, place.width, until.encode(), **options)
    else:
        status, shown = _read_pipe(command, until.encode(), **options)
    text = shown.decode(encoding, "replace")
    return Seen(status, _CONTROL.sub("", text).replace("\r", "\n"))


def _read_pipe(command: list[str], until: bytes, **options: object) -> tuple[int, bytes]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    ) as process:  # type: ignore[call-overload]
        shown = b""
        while data := os.read(process.stdout.fileno(), 4096):
            shown += data
            if until and until in shown:
                process.send_signal(signal.SIGINT)
                until = b""
    return process.returncode, shown
