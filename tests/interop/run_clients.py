"""Run foreign clients on a bundle, each in its own environment and process."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from environments import (
    InteropError,
    clean_variables,
    ensure,
    home,
    install_in,
    python_environment,
    stamp_of,
)

CLIENTS = Path(__file__).parent / "clients"
NODE_CLIENT = CLIENTS / "transformers_js"
_TAIL = 2000  # characters of a failed client's stderr that go into the error
_RUN_SECONDS = 300
# Every client must work from the bundle alone.
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
# onnxruntime-node's install script would download GPU libraries; the CPU's are in the package.
_NPM = {"ONNXRUNTIME_NODE_INSTALL": "skip"}


def node_environment() -> Path:
    """Return a folder with transformers.js and the client program, installed if needed."""
    folder = home() / NODE_CLIENT.name
    packages = [NODE_CLIENT / "package.json", NODE_CLIENT / "package-lock.json"]

    def install() -> None:
        for file in packages:
            shutil.copy(file, folder)
        install_in(["npm", "ci", "--no-audit", "--no-fund"], folder, cwd=folder, extra=_NPM)

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
        env={**clean_variables(), **_OFFLINE, "HF_HOME": str(work / "hf")},
        cwd=work,
        timeout=_RUN_SECONDS,
        check=False,
    )
    if done.returncode:
        raise InteropError(f"{name} failed on {file}:\n{done.stderr[-_TAIL:]}")
    return json.loads(done.stdout.splitlines()[-1])
