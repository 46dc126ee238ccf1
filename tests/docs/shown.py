"""The commands that README and the documents show, read from their fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
    *sorted((REPOSITORY / "apps").glob("*/README.md")),
]
FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_SHELL = ("", "bash", "console", "sh")
_COMMENT = re.compile(r"\s+# .*$")
# How blocks without a language begin that show something else: drawings, and the files of a bundle.
_NO_COMMANDS = ("teacher ──", "x ─ Abs", "config.json")


@dataclass(frozen=True)
class Shown:
    """A command, as it is shown.

    Attributes:
        line: What is typed, in one line and without its comment.
        below: The lines of output that are shown below it.
    """

    line: str
    below: tuple[str, ...] = ()


def blocks(document: Path) -> Iterator[list[Shown]]:
    """Yield the commands of each block that has any; they belong together."""
    for language, text in FENCED.findall(document.read_text("utf-8")):
        if language not in _SHELL or text.lstrip().startswith(_NO_COMMANDS):
            continue
        lines = [line.strip() for line in re.sub(r"\\\n\s*", "", text).splitlines()]
        if found := _prompted(lines) if language == "console" else _bare(lines):
            yield found


def _prompted(lines: list[str]) -> list[Shown]:
    """Read a block in which a prompt is before each command and none before its output."""
    found: list[Shown] = []
    for line in lines:
        if line.startswith("$ "):
            found.append(_shown(line.removeprefix("$ ")))
        elif line and found:
            found[-1] = Shown(found[-1].line, (*found[-1].below, line))
    return found


def _bare(lines: list[str]) -> list[Shown]:
    return [_shown(line) for line in lines if line and not line.startswith("#")]


def _shown(line: str) -> Shown:
    return Shown(_COMMENT.sub("", line))
