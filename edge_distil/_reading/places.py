"""What stands where a bundle was expected."""

from __future__ import annotations

from pathlib import Path

_EXPECTED = "the directory that `edge-distil export MODEL -o DIR` wrote"
_DEEPEST = 3  # directories of a bundle above a file of it: coreml/model.mlpackage/Manifest.json


def no_bundle(path: Path, manifest: str) -> str:
    """Say why a path is no bundle, and what to give in its place.

    Args:
        path: What was given; no directory.
        manifest: The name of a bundle's manifest.
    """
    if not path.exists():
        return f"no bundle at {path} (no such directory): give {_EXPECTED}"
    for folder in list(path.parents)[:_DEEPEST]:
        if (folder / manifest).is_file():
            return f"{path} is a file of a bundle, expected the bundle's directory: give {folder}"
    return f"{path} is a file, expected a bundle: give {_EXPECTED}"
