"""The application of apps/react-native: its types, and what runs without a phone.

npm ci --prefix apps/web/runtime && npm ci --prefix apps/react-native
pytest -m slow tests/apps/test_react_native.py
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

APPS = Path(__file__).parents[2] / "apps"
APP, PACKAGE = APPS / "react-native", APPS / "web" / "runtime"
READY = all((folder / "node_modules").is_dir() for folder in (APP, PACKAGE))
ABSENT = "what it is built with is missing: npm ci in apps/web/runtime and in apps/react-native"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not READY, reason=ABSENT)]


@pytest.fixture(scope="module", autouse=True)
def package() -> None:
    """The npm package, built where the application looks for it."""
    npm("build", PACKAGE)


def npm(script: str, folder: Path) -> None:
    command = ["npm", "run", "--silent", script]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_application_passes(script: str) -> None:
    npm(script, APP)
