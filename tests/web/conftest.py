"""The JavaScript runtime and the page, each built once, and a browser to visit the page with."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from npm_project import make_project

WEB = Path(__file__).parents[2] / "apps" / "web"
RUNTIME, PAGE = WEB / "runtime", WEB / "page"


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


@pytest.fixture(scope="session")
def project(runtime: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that installed the package; tests add programs to it."""
    return make_project(runtime, tiny, tmp_path_factory.mktemp("npm"))


@pytest.fixture(scope="session")
def built_page() -> Path:
    """The folder of the built page, which `edge-distil serve` finds by itself."""
    folder = PAGE / "dist"
    assert (folder / "index.html").is_file(), "build the page: make page"
    return folder


@pytest.fixture(scope="session")
def embedding() -> Path:
    """The tiny embedding bundle."""
    return Path(__file__).parents[1] / "golden" / "tiny" / "embedding"


@pytest.fixture(scope="session")
def chromium(browser_path: str) -> Iterator[Any]:
    """A browser; each test takes a context of its own, as a new visitor has."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield browser
        browser.close()
