"""``--version``, which nothing but itself has to be imported for."""

from __future__ import annotations

from edge_distil import __version__

FLAG = "--version"


def say() -> None:
    """Print the version."""
    print(f"edge-distil {__version__}")
