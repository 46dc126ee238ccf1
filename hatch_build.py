"""Builds the page of `edge-distil serve` into the distributions, where Node's npm is at hand.

The repository carries no third-party code, and a wheel should need no npm: so it is built here. An
sdist brings the built page along. Without npm the wheel has no page, and `serve` says so.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SOURCE = "apps/web/page"
_TARGET = {"wheel": "edge_distil_apps/serve/page", "sdist": f"{_SOURCE}/dist"}


class PageHook(BuildHookInterface[Any]):
    """Adds the built page to what is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, unless this is an sdist or an editable installation."""
        if version == "editable":
            return
        source = Path(self.root, _SOURCE)
        if not Path(self.root, "PKG-INFO").is_file():
            self._build(source)
        if (source / "dist" / "index.html").is_file():
            build_data["force_include"][str(source / "dist")] = _TARGET[self.target_name]
        else:
            self.app.display_warning("No npm: the distribution is built without the page of serve.")

    def _build(self, source: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            return
        for command in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, "--prefix", str(source), "--silent", *command], check=True)
