"""The JavaScript runtime, built once: `apps/web/runtime` with what `npm ci` installed there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[2] / "apps" / "web" / "runtime"


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built runtime's modules."""
    built = tmp_path_factory.mktemp("runtime")
    compiler = RUNTIME / "node_modules" / "typescript" / "bin" / "tsc"
    assert compiler.is_file(), "install what the runtime is built with: make test-web"
    command = ["node", compiler, "-p", RUNTIME / "tsconfig.json", "--outDir", built]
    subprocess.run(command, check=True)
    (built / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return built
