"""Environments of other people's packages: made once, reused until their pinned versions change.

Each lives in a folder below ``EDGE_DISTIL_INTEROP_HOME`` (default: ``.interop`` in the
repository's root). A stamp, written last, holds the hash of what was installed: without it, or
with another, the folder is made again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements")
HOME_VARIABLE = "EDGE_DISTIL_INTEROP_HOME"

_STAMP = ".installed"
_LOG = "install.log"
_LOG_TAIL = 2000  # characters of a failed install's log that go into the error
_INSTALL_SECONDS = 1800


class InteropError(RuntimeError):
    """An environment could not be made, or a client failed."""


def home() -> Path:
    """Return the folder that holds the environments."""
    return Path(os.environ.get(HOME_VARIABLE) or REPOSITORY / ".interop").resolve()


def python_environment(name: str) -> Path:
    """Return the interpreter of the environment `name`, made from its requirements if needed."""
    requirements = REQUIREMENTS / f"{name}.txt"
    folder = home() / name
    python = folder / "bin" / "python"

    def install() -> None:
        install_in([sys.executable, "-m", "venv", str(folder)], folder)
        arguments = ["--quiet", "--disable-pip-version-check", "-r", str(requirements)]
        install_in([str(python), "-m", "pip", "install", *arguments], folder)

    ensure(folder, stamp_of([requirements], sys.version), install)
    return python


def pinned_version(environment: str, package: str) -> str:
    """Return the release of a package that an environment is pinned to."""
    file = REQUIREMENTS / f"{environment}.txt"
    pins = dict(line.split("==") for line in file.read_text().splitlines() if "==" in line)
    return pins[package]


def project_environment(extra: str) -> Path:
    """Return the interpreter of an environment with this project, one of its extras and no more."""
    folder = home() / f"edge_distil_{extra}"
    python = folder / "bin" / "python"
    constraints = REPOSITORY / "constraints.txt"

    def install() -> None:
        install_in([sys.executable, "-m", "venv", str(folder)], folder)
        arguments = ["--quiet", "-c", str(constraints), "-e", f"{REPOSITORY}[{extra}]"]
        install_in([str(python), "-m", "pip", "install", *arguments], folder)

    ensure(folder, stamp_of([constraints, REPOSITORY / "pyproject.toml"], sys.version), install)
    return python


def ensure(folder: Path, stamp: str, install: Callable[[], None]) -> None:
    """Run `install` in an emptied folder unless its stamp says that this was done."""
    file = folder / _STAMP
    if file.is_file() and file.read_text(encoding="utf-8") == stamp:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install()
    file.write_text(stamp, encoding="utf-8")


def stamp_of(files: Sequence[Path], also: str) -> str:
    """Return the hash of the files' contents and of a text."""
    digest = hashlib.sha256(also.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def install_in(
    command: Sequence[str],
    folder: Path,
    *,
    cwd: Path | None = None,
    extra: dict[str, str] | None = None,
) -> None:
    """Run an installer; what it says goes to a log in the folder.

    Raises:
        InteropError: It failed; with the end of the log.
    """
    log = folder / _LOG
    with log.open("a", encoding="utf-8") as output:
        done = subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**clean_variables(), **(extra or {})},
            cwd=cwd,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    if done.returncode:
        tail = log.read_text(encoding="utf-8")[-_LOG_TAIL:]
        raise InteropError(f"{' '.join(command)} failed:\n{tail}")


def clean_variables() -> dict[str, str]:
    """Return this process's variables less those that would change what is installed or run."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT", "PYTHONWARNINGS")
    return {name: value for name, value in os.environ.items() if name not in unwanted}


__all__: list[str] = []
