"""How the options of all verbs are declared: one short line each, in panels of one subject.

At 80 columns a panel has room for some 40 characters of help beside the names, so what a type says
already is left out, and a value has one word.
"""

from __future__ import annotations

from typing import Any

import typer

# Panels that several verbs have; those of one verb are named there.
OUTPUT = "Output"
MODEL = "Model"


def flag(*names: str, text: str, panel: str | None = None) -> Any:
    """Declare an option that is there or not."""
    return typer.Option(*names, help=text, metavar="", rich_help_panel=panel)


def value(*names: str, kind: str, text: str, panel: str | None = None, **more: Any) -> Any:
    """Declare an option with a value.

    Args:
        names: Its names; by default that of the parameter.
        kind: The word that stands for the value: FILE, N.
        text: One short line, which says the default too.
        panel: The title of its panel.
        more: What else `typer.Option` takes.
    """
    return typer.Option(
        *names, help=text, metavar=kind, rich_help_panel=panel, show_default=False, **more
    )


def argument(kind: str, text: str, **more: Any) -> Any:
    """Declare an argument, shown as the word `kind`."""
    return typer.Argument(metavar=kind, help=text, **more)
