"""The options of ``distil`` that say which students there are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from edge_distil.errors import DataError
from edge_distil_apps.cli.ending import remains

_WORK = ("training", "smaller")  # folders beside an output that hold what is not finished


def counts(text: str, frontier: bool) -> list[int]:
    """Read numbers of layers, ``6,4,3,2``; the greatest first.

    Raises:
        BadParameter: They are none, or several without --frontier.
    """
    try:
        found = [int(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise typer.BadParameter(f"--layers is {text!r}, expected numbers such as 3 or 6,4,3,2")
    if len(found) > 1 and not frontier:
        raise typer.BadParameter(
            f"--layers {text} are several students: give --frontier, or one number"
        )
    return sorted(set(found), reverse=True)


def check(made: bool, alone: bool, frontier: bool, asked: bool) -> None:
    """Refuse options that do not go together.

    Args:
        made: Whether the teacher is made smaller, and --student given.
        alone: Whether there are options for one student alone.
        frontier: Whether there are several.
        asked: Whether there are options for several.

    Raises:
        BadParameter: Some do not.
    """
    if made:
        raise typer.BadParameter(
            "--width and --cut-vocabulary make the student out of the teacher: leave --student out"
        )
    if frontier and alone:
        raise typer.BadParameter("--force, --resume and --tensorboard go with one student")
    if asked and not frontier:
        raise typer.BadParameter("--max-ms, --max-mb, --min-score and --quick go with --frontier")


def weights(texts: Iterable[str]) -> dict[str, float]:
    """Read losses and their weights, ``soft=0.5``.

    Raises:
        BadParameter: One is not that.
    """
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError as error:
            raise typer.BadParameter(
                f"--weight is {text!r}, expected a loss and a number, for example soft=0.5"
            ) from error
    return found


def watch_kept(output: Path) -> None:
    """Let an interruption say that work is kept where it is: see `remains`."""

    def is_there() -> bool:
        hidden = [output.absolute().with_name(f".{output.name}.{of}") for of in _WORK]
        folders = [*hidden, output / "students"]  # of a frontier
        return any(path.is_dir() for one in folders if one.is_dir() for path in one.iterdir())

    remains.watch(is_there)


def check_files(files: Iterable[Path]) -> None:
    """Look for the files of texts, before the seconds that importing torch takes.

    Raises:
        DataError: One is not there.
    """
    for file in files:
        if not file.is_file():
            raise DataError(f"cannot read {file} (no such file): check the path")
