"""``edge-distil cache``: what lies in the cache folder, and clearing it."""

from __future__ import annotations

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from edge_distil.errors import InputError
from edge_distil_apps import kept
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.tables import table


def cache(
    folder: Annotated[
        Path | None, options.argument("DIR", "What bench had as --work; else the cache.")
    ] = None,
    clear: Annotated[
        bool, options.flag("--clear", text="Remove what edge-distil keeps there.")
    ] = False,
    json: console.Json = False,
) -> None:
    """Show what edge-distil keeps in its cache folder, or clear it.

    Examples:
    `edge-distil cache`

    `edge-distil cache --clear`

    There lie measurements of bench that were interrupted, so that they can go on, and models that
    it made for other engines. What edge-distil did not make is named, and never removed.
    """
    if folder is not None and not folder.is_dir():
        found = "is a file" if folder.exists() else "is not there"
        raise InputError(f"{folder} {found}, expected a folder that bench had as --work: give it")
    place = folder or kept.folder()
    removed = kept.clear(place) if clear else []
    entries, others = kept.look(place)
    if json:
        console.document(
            {
                "folder": str(place),
                "entries": list(map(_plain, entries)),
                "others": [str(path) for path in others],
                "removed": list(map(_plain, removed)),
            }
        )
        return
    shown = removed or entries
    if shown:
        rows = [[entry.path.relative_to(place).as_posix(), *_cells(entry)] for entry in shown]
        table("", ["in the cache", "what", "size", "of"], rows)
    total = console.megabytes(sum(entry.bytes for entry in shown))
    words = "removed" if removed else "kept; remove it with: edge-distil cache --clear"
    console.say(console.text(f"{place}: {f'{total} {words}' if shown else 'nothing is kept'}"))
    for path in others:
        console.note(f"{path} is not edge-distil's: it stays")


def _plain(entry: kept.Entry) -> dict[str, Any]:
    return {**asdict(entry), "path": str(entry.path)}


def _cells(entry: kept.Entry) -> list[str]:
    day = datetime.datetime.fromtimestamp(entry.modified).date()
    return [entry.kind, console.megabytes(entry.bytes), day.isoformat()]
