"""Clean installations: a wheel of this repository, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

from environments import REPOSITORY, ensure, home, install_in, stamp_of

CONSTRAINTS = REPOSITORY / "constraints.txt"


def build_wheel(folder: Path) -> Path:
    """Build the wheel into a folder."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
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
    from filelock import FileLock  # workers of xdist share it

    folder = home() / name
    wanted = f"edge-distil{extras} @ {wheel.as_uri()}"
    home().mkdir(exist_ok=True)
    with FileLock(home() / f"{name}.lock"):
        stamp = stamp_of([CONSTRAINTS, REPOSITORY / "pyproject.toml"], sys.version + extras)
        ensure(folder, stamp, partial(_make, folder, wanted))
        _pip(folder, "--no-deps", "--force-reinstall", wanted)  # the code may be another by now
    return folder / "bin"


def _make(folder: Path, wanted: str) -> None:
    install_in([sys.executable, "-m", "venv", str(folder)], folder)
    _pip(folder, "-c", str(CONSTRAINTS), wanted)


def _pip(folder: Path, *arguments: str) -> None:
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    install_in([*pip, "--disable-pip-version-check", *arguments], folder)
