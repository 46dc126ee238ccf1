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
    if installation.is_clone():
        place, remedy = _BUILT, shlex.join(["make", "-C", str(installation.clone()), "page"])
    else:
        place, remedy = _INSTALLED, installation.upgrade()
    raise ServeError(f"the page is not built, expected it at {place}: {remedy}")
