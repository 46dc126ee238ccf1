"""Where the built page is: in the package, or in a clone that `make page` built it in."""

from __future__ import annotations

import shlex
from pathlib import Path

from edge_distil._machine import installation
from edge_distil.errors import ServeError

_INSTALLED = Path(__file__).parent / "page"
_BUILT = installation.clone() / "apps" / "web" / "page" / "dist"


def find_page() -> Path:
    """Return the folder of the built page.

    Raises:
        ServeError: It was not built.
    """
    for folder in (_INSTALLED, _BUILT):
        if (folder / "index.html").is_file():
            return folder
    raise ServeError(_not_built())


def _not_built() -> str:
    """Say what brings the page to where this code lies: a clone, or an installed package."""
    if installation.is_clone():
        make = shlex.join(["make", "-C", str(installation.clone()), "page"])
        return f"the page is not built in this clone: run {make}, which needs Node 20 or later"
    return (
        "this installation has no page, for its wheel was built where npm was not at hand: install "
        "one that was built with Node 20 or later at hand, or serve from a clone after `make page`"
    )
