"""The help of a verb in lines, for where there is no room for panels.

typer's panels are tables of four columns or more: at few columns these cut the names of options.
"""

from __future__ import annotations

import inspect
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

_INDENT = "  "
_LEAST = 20  # columns; a terminal may say that it has none


def help_in_lines(command: Any, ctx: Any, width: int) -> str:
    """Return a verb's help, each option's name whole and its help below it.

    Args:
        command: The verb, of typer's.
        ctx: Its context.
        width: The columns that there are.
    """
    parts = _parts(command, ctx, max(width, _LEAST))
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _parts(command: Any, ctx: Any, width: int) -> Iterator[list[str]]:
    """Yield the usage, the paragraphs, and the options of each panel."""
    usage = " ".join(command.collect_usage_pieces(ctx))
    yield _wrap(f"Usage: {ctx.command_path} {usage}", width, "", _INDENT)
    for paragraph in inspect.cleandoc(command.help or "").replace("`", "").split("\n\n"):
        yield _wrap(paragraph, width)
    panels: dict[str, list[str]] = defaultdict(list)
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:  # a hidden one
            continue
        name, text = record
        usual = "Options" if param.param_type_name == "option" else "Arguments"
        panel = panels[getattr(param, "rich_help_panel", None) or usual]
        panel += _wrap(name, width, _INDENT, 2 * _INDENT)
        panel += _wrap(text, width, 2 * _INDENT, 2 * _INDENT)
    for title, lines in panels.items():
        yield [f"{title}:", *lines]


def _wrap(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    """Break a text between words alone: a name with hyphens in it is one."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=others,
        break_on_hyphens=False, break_long_words=False,
    )  # fmt: skip
