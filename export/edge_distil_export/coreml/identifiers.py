"""The same package twice is the same files: coremltools draws names for its items by chance."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

_ITEMS, _ROOT = "itemInfoEntries", "rootModelIdentifier"
# Any fixed UUID would do: names within it follow from the items' paths alone.
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://developer.apple.com/documentation/coreml")


def fix_identifiers(package: Path) -> None:
    """Name a package's items after their paths instead of by chance.

    Source: ``ModelPackage.cpp`` of coremltools 9, which writes ``Manifest.json``: items by UUID,
    and which of them is the model.

    Args:
        package: The ``.mlpackage``; its ``Manifest.json`` is written again.
    """
    manifest = package / "Manifest.json"
    found = json.loads(manifest.read_text("utf-8"))
    names = {name: _name(item["path"]) for name, item in found[_ITEMS].items()}
    entries = sorted((names[name], item) for name, item in found[_ITEMS].items())
    fixed = {**found, _ITEMS: dict(entries), _ROOT: names[found[_ROOT]]}
    manifest.write_text(json.dumps(fixed, indent=4, sort_keys=True) + "\n", "utf-8")


def _name(path: str) -> str:
    return str(uuid.uuid5(_SPACE, path)).upper()
