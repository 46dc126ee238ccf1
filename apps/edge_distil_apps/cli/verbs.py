"""All verbs of the command line, one file each, imported when the verb is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from edge_distil_apps.cli import console, options, version
from edge_distil_apps.cli.flow import lines, plain

# Panel -> its verbs, in the order in which a person meets them, each with a line of 60 characters.
_PANELS = {
    "Make a model smaller": {
        "distil": "Train a smaller student of a teacher.",
    },
    "Make a bundle": {
        "export": "Export a checkpoint and compare it with PyTorch.",
        "quantize": "Add int8 and other variants, with what each costs.",
        "models": "Which tasks and architectures there are.",
    },
    "Use it": {
        "run": "Answer, label, fill a mask, find entities, compare.",
        "embed": "A file of texts becomes a file of vectors.",
        "search": "Search a folder of texts by meaning and by words.",
        "serve": "A page for browsers and phones, offline.",
        "push": "A bundle with its card to the hub.",
    },
    "Judge it": {
        "eval": "Score variants on a data set.",
        "bench": "Time variants side by side; which one to ship.",
        "inspect": "Show task, variants, sizes, evidence.",
        "doctor": "Check a bundle and this machine.",
        "study": "DistilBERT beside BERT-base on this device.",
        "cache": "What is kept for going on, and clearing it.",
    },
}
_LINES = {name: (panel, line) for panel, verbs in _PANELS.items() for name, line in verbs.items()}
_BESIDE = ("cache", "models", "push")  # in a folder of their own
_FUNCTIONS = {"eval": "evaluate"}  # whose name is not the verb's; its module has the function's
_FOR_PANELS = 72  # columns; with fewer, panels cut the names of options


class _Root(TyperGroup):
    """The root, which knows its verbs by their lines alone: a verb may bring numpy, or more."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb, ``None`` if there is no such one."""
        return _verb(cmd_name) if cmd_name in _LINES else super().get_command(ctx, cmd_name)

    def get_params(self, ctx: Any) -> Any:
        """Return the options of the root."""
        return plain.quick(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the verbs' lines."""
        listed = TyperGroup(
            name=self.name,
            commands=dict(self.commands),
            help=self.help,
            params=self.params,
            epilog=self.epilog,
            rich_markup_mode=self.rich_markup_mode,
        )
        listed.format_help(ctx, formatter)


class _Verb(TyperCommand):
    """A verb, whose help has panels where there is room for them."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print it, or write it to the formatter."""
        if console.width() < _FOR_PANELS:
            formatter.write(lines.help_in_lines(self, ctx, console.width()))
        else:
            super().format_help(ctx, formatter)


app = typer.Typer(
    name="edge-distil",
    cls=_Root,
    help="""Transformer encoders on devices: export, int8, proof, and a small runtime.

    Example: `edge-distil export ./my-checkpoint -o qa --int8`, then
    `edge-distil run qa -q "Who keeps the light?" -c @lighthouse.txt`
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda flag: flag.replace("_", "-"),
    },
)


def _listed() -> None:
    """Stand for a verb where its line is enough."""


for _name, (_panel, _line) in _LINES.items():
    app.command(_name, short_help=_line, rich_help_panel=_panel)(_listed)


@cache
def _verb(name: str) -> Any:
    """Import a verb; returns typer's command of it."""
    panel, line = _LINES[name]
    called = _FUNCTIONS.get(name, name)
    place = f"beside.{name}" if name in _BESIDE else called
    one = typer.Typer(add_completion=False, rich_markup_mode="markdown")
    function = getattr(import_module(f"edge_distil_apps.cli.{place}"), called)
    one.command(name, cls=_Verb, short_help=line, rich_help_panel=panel)(function)
    command = get_command(one)
    plain.let_pass(command)
    return command


@app.command("help", short_help="Show how a verb is used.", rich_help_panel="Help")
def _help(
    context: typer.Context, verb: Annotated[str, options.argument("VERB", "A verb.")] = ""
) -> None:
    """Show how a verb is used; without one, all verbs."""
    root = context.find_root()
    command = root.command
    if verb:
        command = get_command(app).get_command(root, verb)  # type: ignore[attr-defined]
        if command is None:
            raise typer.BadParameter(
                f"there is no verb {verb!r}, expected one of {', '.join(_LINES)}"
            )
    own = typer.Context(command, parent=root, info_name=verb) if verb else root
    if text := command.get_help(own):  # empty where rich has printed it
        print(text)


def _print_version(wanted: bool) -> None:
    if wanted:
        version.say()
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass
