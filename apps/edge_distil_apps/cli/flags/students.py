"""The options of ``distil`` that say which students there are."""

from __future__ import annotations

import typer


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


def check(outside: str, made: bool, alone: bool, frontier: bool, asked: bool) -> None:
    """Refuse options that do not go together.

    Args:
        outside: What to do with data outside a cut vocabulary.
        made: Whether the teacher is made smaller, and --student given.
        alone: Whether there are options for one student alone.
        frontier: Whether there are several.
        asked: Whether there are options for several.

    Raises:
        BadParameter: Some do not.
    """
    if outside not in ("refuse", "map"):
        raise typer.BadParameter(f"--outside is {outside!r}, expected refuse or map")
    if made:
        raise typer.BadParameter(
            "--width and --cut-vocabulary make the student out of the teacher: leave --student out"
        )
    if frontier and alone:
        raise typer.BadParameter("--force, --resume and --tensorboard go with one student")
    if asked and not frontier:
        raise typer.BadParameter("--max-ms, --max-mb, --min-score and --quick go with --frontier")
