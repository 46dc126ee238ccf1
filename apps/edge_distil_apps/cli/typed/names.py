"""A file's name where a text is expected: its letters would be read, and not what is in it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import typer

from edge_distil_apps.cli import console
from edge_distil_apps.cli.typed.asked import Asked

_LONGEST = 255  # characters of a path that is looked for


def check(asked: Asked) -> None:
    """Refuse a context that is a file's name; warn of other texts that are.

    A text may well be called as a file here is; a context that is, answers nothing.

    Raises:
        BadParameter: The context is one.
    """
    if asked.context is not None and _is_file(asked.context):
        raise typer.BadParameter(
            f"--context {asked.context!r} is the name of a file, expected a text: for what is in "
            f"it give --context @{asked.context}; for a text of these letters send them to stdin "
            "and give --context -"
        )
    given = [("--question", text) for text in asked.questions]
    given += [("TEXT", text) for text in asked.texts]
    given += [(name, text) for name, text in (("--pair", asked.pair),) if text is not None]
    for name, text in given:
        file = text if _is_file(text) else text.removeprefix("@")
        if _is_file(file):
            console.note(
                f"warning: {name} {text!r} is read as a text, though a file has that name: for "
                f"what is in it give --file {file}"
            )
    if asked.labels is not None and _is_file(asked.labels.removeprefix("@")):
        console.note(
            f"warning: --labels {asked.labels!r} is read as a label, though a file has that name: "
            'type the labels themselves, for example --labels "urgent, not urgent"'
        )


def _is_file(text: str) -> bool:
    if not 0 < len(text) <= _LONGEST or "\n" in text:
        return False
    with suppress(OSError, ValueError):
        return Path(text).is_file()
    return False
