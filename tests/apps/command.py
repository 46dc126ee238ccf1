"""What the tests of the command line run and get."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


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
