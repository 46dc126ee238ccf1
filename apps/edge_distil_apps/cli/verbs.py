"""All verbs of the command line, one file each, imported when the verb is asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from edge_distil_apps.cli import options, version
from edge_distil_apps.cli.flow import help_text, plain
from edge_distil_apps.cli.typed.once import refuse_repeats

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
_LINES = {name: line for verbs in _PANELS.values() for name, line in verbs.items()}
_BESIDE = ("cache", "models", "push")  # in a folder of their own
_FUNCTIONS = {"eval": "evaluate"}  # whose name is not the verb's; its module has the function's
_HELP = {"Help": [("help", "Show how a verb is used.")]}


class _Root(help_text.Sections, TyperGroup):
    """The root, which knows its verbs by their lines alone: a verb may bring numpy, or more."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb, ``None`` if there is no such one."""
        return _verb(cmd_name) if cmd_name in _LINES else super().get_command(ctx, cmd_name)

    def get_params(self, ctx: Any) -> Any:
        """Return the options of the root."""
        return plain.quick(super().get_params(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options and the verbs' lines."""
        sections = help_text.sections_of(self.get_params(ctx), ctx)
        sections |= {panel: list(verbs.items()) for panel, verbs in _PANELS.items()}
        help_text.write(formatter, sections | _HELP)


app = typer.Typer(
    name="edge-distil",
    cls=_Root,
    help="""Transformer encoders on devices: export, int8, proof, and a small runtime.

    Example: edge-distil export ./my-checkpoint -o qa --int8, then
    edge-distil run qa -q "Who keeps the light?" -c @lighthouse.txt
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda flag: flag.replace("_", "-"),
    },
)


def _listed() -> None:
    """Stand for a verb where its line is enough."""


for _name in _LINES:
    app.command(_name)(_listed)


@cache
def _verb(name: str) -> Any:
    """Import a verb; returns typer's command of it."""
    called = _FUNCTIONS.get(name, name)
    place = f"beside.{name}" if name in _BESIDE else called
    one = typer.Typer(add_completion=False, rich_markup_mode=None)
    function = getattr(import_module(f"edge_distil_apps.cli.{place}"), called)
    one.command(name, cls=help_text.Verb)(function)
    command = get_command(one)
    plain.let_pass(command)
    refuse_repeats(command)
    return command


@app.command("help")
def _help(
    context: typer.Context, verb: Annotated[str, options.argument("VERB", "A verb.")] = ""
) -> None:
    """Show how a verb is used; without one, all verbs."""
    root = context.find_root()
    command = root.command
    if verb:
        command = get_command(app).get_command(root, verb)  # type: ignore[attr-defined]
        if command is None:
            raise typer.BadParameter(_no_verb(verb))
    own = typer.Context(command, parent=root, info_name=verb) if verb else root
    print(command.get_help(own))


def _no_verb(name: str) -> str:
    """Say which verb may have been meant, or which there are."""
    from difflib import get_close_matches  # needed for a slip alone

    if close := get_close_matches(name, _LINES):
        return f"there is no verb {name!r}. Did you mean {' or '.join(map(repr, close))}?"
    return f"there is no verb {name!r}, expected one of {', '.join(_LINES)}: choose one"


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
