"""How help looks: the usage, what it is about, then a section for each subject of options.

Written with typer's own formatter. Its panels, of rich's, take as long to import as all else of
``--help``, and at few columns they cut the names of options.
"""

from __future__ import annotations

import inspect
import shutil
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

from edge_distil_apps.cli import streams

Records = Mapping[str, Sequence[tuple[str, str]]]  # a section's title -> names and what they do

_LEAST, _MOST = 20, 100  # columns; a terminal may say that it has none
_SIDE_BY_SIDE = 72  # columns; with fewer, what an option does stands below its name
_NAMES = 34  # columns; a longer name has a line of its own
_INDENT = "  "


def write(formatter: Any, sections: Records) -> None:
    """Write sections, each name whole."""
    for title, records in sections.items():
        with formatter.section(title):
            if formatter.width >= _SIDE_BY_SIDE:
                formatter.write_dl(records, col_max=_NAMES)
                continue
            for name, text in records:
                formatter.write("\n".join(_below(name, text, formatter.width)) + "\n")


def sections_of(params: Iterable[Any], ctx: Any) -> dict[str, list[tuple[str, str]]]:
    """Return the sections of a command's arguments and options."""
    found: dict[str, list[tuple[str, str]]] = {}
    for param in params:
        if record := param.get_help_record(ctx):  # a hidden one has none
            usual = "Options" if param.param_type_name == "option" else "Arguments"
            name = param.metavar if usual == "Arguments" else record[0]
            title = getattr(param, "rich_help_panel", None) or usual
            found.setdefault(title, []).append((name, record[1]))
    return found


class Sections:
    """What a command of typer's has to be as well, for such help."""

    def get_help(self, ctx: Any) -> str:
        """Return all of it, as stdout can take it: typer would write UTF-8 in any case."""
        return streams.degraded(super().get_help(ctx))  # type: ignore[misc]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write all of it, as wide as the terminal; a formatter's own least is 50 columns."""
        formatter.width = min(max(shutil.get_terminal_size().columns, _LEAST), _MOST)
        super().format_help(ctx, formatter)  # type: ignore[misc]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:
        """Write what it is about; what docstrings mark as code needs no marks here."""
        about = inspect.cleandoc(self.help or "").replace("`", "")  # type: ignore[attr-defined]
        for paragraph in about.split("\n\n"):
            lines = _wrap(paragraph, formatter.width, _INDENT, _INDENT)
            formatter.write("\n" + "\n".join(lines) + "\n")


class Verb(Sections, TyperCommand):
    """A verb, whose help is in sections."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections."""
        write(formatter, sections_of(self.get_params(ctx), ctx))


def _below(name: str, text: str, width: int) -> list[str]:
    return _wrap(name, width, _INDENT, 2 * _INDENT) + _wrap(text, width, 2 * _INDENT, 2 * _INDENT)


def _wrap(text: str, width: int, first: str, others: str) -> list[str]:
    """Break a text between words alone: a name with hyphens in it is one."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=others,
        break_on_hyphens=False, break_long_words=False,
    )  # fmt: skip
