"""Foreign clients' own environments: made once, reused until their pinned versions change.

Each lives in a folder below ``EDGE_DISTIL_INTEROP_HOME`` (default: ``.interop`` in the
repository's root). A stamp, written last, holds the hash of what was installed: without it, or
with another, the folder is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CLIENTS = HERE / "clients"
REQUIREMENTS = HERE / "requirements"
NODE_CLIENT = CLIENTS / "transformers_js"
HOME_VARIABLE = "EDGE_DISTIL_INTEROP_HOME"

_STAMP = ".installed"
_LOG = "install.log"
_LOG_TAIL = 2000  # characters of a failed install's log that go into the error
_INSTALL_SECONDS = 1800
_RUN_SECONDS = 300
# Every client must work from the bundle alone.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
# onnxruntime-node's install script would download GPU libraries; the CPU's are in the package.
_NPM = {"ONNXRUNTIME_NODE_INSTALL": "skip"}


class InteropError(RuntimeError):
    """An environment could not be made, or a client failed."""


def home() -> Path:
    """Return the folder that holds the environments."""
    return Path(os.environ.get(HOME_VARIABLE) or HERE.parents[1] / ".interop").resolve()


def python_environment(name: str) -> Path:
    """Return the interpreter of the environment `name`, made from its requirements if needed."""
    requirements = REQUIREMENTS / f"{name}.txt"
    folder = home() / name
    python = folder / "bin" / "python"

    def install() -> None:
        _install([sys.executable, "-m", "venv", str(folder)], folder)
        arguments = ["--quiet", "--disable-pip-version-check", "-r", str(requirements)]
        _install([str(python), "-m", "pip", "install", *arguments], folder)

    ensure(folder, stamp_of([requirements], sys.version), install)
    return python


def export_environment() -> Path:
    """Return the interpreter of an environment with this project's ``[export]`` and no more."""
    repository = HERE.parents[1]
    folder = home() / "edge_distil_export"
    python = folder / "bin" / "python"
    constraints = repository / "constraints.txt"

    def install() -> None:
        _install([sys.executable, "-m", "venv", str(folder)], folder)
        arguments = ["--quiet", "-c", str(constraints), "-e", f"{repository}[export]"]
        _install([str(python), "-m", "pip", "install", *arguments], folder)

    ensure(folder, stamp_of([constraints, repository / "pyproject.toml"], sys.version), install)
    return python


def node_environment() -> Path:
    """Return a folder with transformers.js and the client program, installed if needed."""
    folder = home() / NODE_CLIENT.name
    packages = [NODE_CLIENT / "package.json", NODE_CLIENT / "package-lock.json"]

    def install() -> None:
        for file in packages:
            shutil.copy(file, folder)
        _install(["npm", "ci", "--no-audit", "--no-fund"], folder, cwd=folder, extra=_NPM)

    ensure(folder, stamp_of(packages, ""), install)
    shutil.copy(NODE_CLIENT / "client.mjs", folder)  # node looks for packages beside the program
    return folder


def run_client(name: str, bundle: Path, file: str, request: dict[str, Any], work: Path) -> Any:
    """Run one client on a bundle in its own environment and process.

    Args:
        name: ``"transformers_js"`` or the name of a Python client.
        bundle: The bundle directory.
        file: The model file inside it.
        request: What the client is to do; see the client's docstring.
        work: A folder for the request file, and the client's home.

    Returns:
        The JSON document that the client printed as its last line.

    Raises:
        InteropError: It could not be installed, or failed.
    """
    request_path = work / "request.json"
    request_path.write_text(json.dumps(request), encoding="utf-8")
    if name == NODE_CLIENT.name:
        program = ["node", str(node_environment() / "client.mjs")]
    else:
        # -I: neither this project nor the caller's packages can be imported.
        program = [str(python_environment(name)), "-I", str(CLIENTS / f"{name}.py")]
    done = subprocess.run(
        [*program, str(bundle), file, str(request_path)],
        capture_output=True,
        text=True,
        env={**_environment(), **_OFFLINE, "HF_HOME": str(work / "hf")},
        cwd=work,
        timeout=_RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise InteropError(f"{name} failed on {file}:\n{done.stderr[-_LOG_TAIL:]}")
    return json.loads(done.stdout.splitlines()[-1])


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


def _install(
    command: Sequence[str],
    folder: Path,
    *,
    cwd: Path | None = None,
    extra: dict[str, str] | None = None,
) -> None:
    log = folder / _LOG
    with log.open("a", encoding="utf-8") as output:
        done = subprocess.run(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**_environment(), **(extra or {})},
            cwd=cwd,
            timeout=_INSTALL_SECONDS,
            check=False,
        )
    if done.returncode:
        tail = log.read_text(encoding="utf-8")[-_LOG_TAIL:]
        raise InteropError(f"{' '.join(command)} failed:\n{tail}")


def _environment() -> dict[str, str]:
    """Return this process's variables less those that would change what is installed or run."""
    unwanted = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_CONSTRAINT", "PYTHONWARNINGS")
    return {name: value for name, value in os.environ.items() if name not in unwanted}
