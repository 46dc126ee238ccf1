"""Clean installations: a wheel of this repository, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from environments import REPOSITORY, ensure, home, install_in, stamp_of

CONSTRAINTS = REPOSITORY / "constraints.txt"


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder, one at a time: its page is built within the repository."""
    from filelock import FileLock  # workers of xdist share it

    home().mkdir(exist_ok=True)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    with FileLock(home() / "wheel.lock"):
        subprocess.run([*command, REPOSITORY], check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return path


def installation(name: str, wheel: Path, extras: str = "") -> Path:
    """Install the wheel; what it needs is kept until other versions of it are pinned.

    Args:
        name: Of the environment.
        wheel: What is installed.
        extras: In brackets, as pip takes them.

    Returns:
        The folder of its programs.
    """
    from filelock import FileLock

    folder = home() / name
    wanted = f"edge-distil{extras} @ {wheel.as_uri()}"
    home().mkdir(exist_ok=True)
    with FileLock(home() / f"{name}.lock"):
        stamp = stamp_of([CONSTRAINTS, REPOSITORY / "pyproject.toml"], sys.version + extras)
        ensure(folder, stamp, partial(_make, folder, wanted))
        reinstall = partial(_pip, folder, "--no-deps", "--force-reinstall", wanted)
        _unless(folder / ".wheel", stamp_of([wheel], ""), reinstall)  # the code may be another
    return folder / "bin"


def _unless(file: Path, stamp: str, act: Callable[[], None]) -> None:
    """Act unless a file says that it was done with the same stamp."""
    if not file.is_file() or file.read_text() != stamp:
        act()
        file.write_text(stamp)


def _make(folder: Path, wanted: str) -> None:
    install_in([sys.executable, "-m", "venv", str(folder)], folder)
    _pip(folder, "-c", str(CONSTRAINTS), wanted)


def _pip(folder: Path, *arguments: str) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    install_in([*pip, "--disable-pip-version-check", *arguments], folder)
