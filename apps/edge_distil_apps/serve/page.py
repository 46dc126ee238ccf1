"""Where the built page is: in the package, or in a clone that `make page` built it in."""

from __future__ import annotations

from pathlib import Path

from edge_distil.errors import ServeError

_INSTALLED = Path(__file__).parent / "page"
_CLONE = Path(__file__).parents[3]
_BUILT = _CLONE / "apps" / "web" / "page" / "dist"


def find_page() -> Path:
    """Return the folder of the built page.

    Raises:
        ServeError: It was not built.
    """
    for folder in (_INSTALLED, _BUILT):
        if (folder / "index.html").is_file():
            return folder
    clone = (_CLONE / "Makefile").is_file()
    place, remedy = (_BUILT, "make page") if clone else (_INSTALLED, "pip install -U edge-distil")
    raise ServeError(f"the page is not built, expected it at {place}: {remedy}")
