"""How the options of all verbs are declared: one short line each, in sections of one subject.

At 80 columns a section has room for some 40 characters of help beside the names, so what a type
says already is left out, and a value has one word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from edge_distil.errors import EdgeDistilError, InputError

# Panels that several verbs have; those of one verb are named there.
OUTPUT = "Output"
MODEL = "Model"


def flag(*names: str, text: str, panel: str | None = None) -> Any:
    """Declare an option that is there or not."""
    return typer.Option(*names, help=text, metavar="", rich_help_panel=panel)


@contextmanager
def usage() -> Iterator[None]:
    """Let what refuses something that was typed count as wrong usage.

    Raises:
        BadParameter: It was refused.
    """
    try:
        yield
    except EdgeDistilError as error:
        raise typer.BadParameter(str(error)) from error


def value(
    *names: str,
    kind: str,
    text: str,
    panel: str | None = None,
    check: Callable[[Any], object] | None = None,
    **more: Any,
) -> Any:
    """Declare an option with a value.

    Args:
        names: Its names; by default that of the parameter.
        kind: The word that stands for the value: FILE, N.
        text: One short line, which says the default too.
        panel: The title of its section, which typer calls a panel.
        check: What refuses a value that cannot be meant, before any work.
        more: What else `typer.Option` takes.
    """
    return typer.Option(
        *names, help=text, metavar=kind, rich_help_panel=panel, show_default=False,
        callback=_checked(check) if check else None, **more,
    )  # fmt: skip


def output(kind: str, text: str, panel: str = OUTPUT) -> Any:
    """Declare ``--output``, whose value may be forgotten: an option in its place is none."""
    return value("--output", "-o", kind=kind, text=text, panel=panel, check=_check_output)


def _check_output(path: Path) -> None:
    if str(path).startswith("-"):
        raise InputError(
            f"{path} looks like an option, expected a path: give one, or ./{path} if that is its "
            "name"
        )


def _checked(check: Callable[[Any], object]) -> Callable[[Any], Any]:
    def callback(value: Any) -> Any:
        if value is not None:
            with usage():
                check(value)
        return value

    return callback


def argument(kind: str, text: str, **more: Any) -> Any:
    """Declare an argument, shown as the word `kind`."""
    return typer.Argument(metavar=kind, help=text, **more)


def check_positive(number: float) -> None:
    """Refuse zero, less, and what is no number.

    Raises:
        InputError: It is that.
    """
    if not number > 0:
        raise InputError(f"got {number:g}, expected more than 0")


def one_of(*choices: str) -> Callable[[str], None]:
    """Return what refuses other words than these."""

    def check(word: str) -> None:
        if word not in choices:
            raise InputError(f"{word!r} is not one of {', '.join(choices)}")

    return check


def check_task(name: str) -> None:
    """Refuse what is the name of no task.

    Raises:
        TaskError: It is none.
    """
    from edge_distil.task_names import task_named

    if name != "auto":
        task_named(name)


def check_engine(name: str) -> None:
    """Refuse what is the name of no engine.

    Raises:
        InputError: It is none.
    """
    from edge_distil._machine.engines import engine_named

    engine_named(name)
