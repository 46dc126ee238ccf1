"""All verbs of the command line, one file each; heavy imports stay inside the handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from typer.main import get_command

from edge_distil import __version__
from edge_distil_apps.cli import (
    bench,
    distil,
    doctor,
    embed,
    evaluate,
    export,
    inspect,
    options,
    quantize,
    run,
    search,
    serve,
    study,
)

app = typer.Typer(
    name="edge-distil",
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
# Panel -> its verbs, in the order in which a person meets them, each with a line of 60 characters.
_PANELS: dict[str, dict[str, tuple[Callable[..., None], str]]] = {
    "Make a model smaller": {
        "distil": (distil.distil, "Train a smaller student of a teacher."),
    },
    "Make a bundle": {
        "export": (export.export, "Export a checkpoint and compare it with PyTorch."),
        "quantize": (quantize.quantize, "Add int8 and other variants, with what each costs."),
    },
    "Use it": {
        "run": (run.run, "Answer, label, fill a mask, find entities, compare."),
        "embed": (embed.embed, "A file of texts becomes a file of vectors."),
        "search": (search.search, "Search a folder of texts by meaning and by words."),
        "serve": (serve.serve, "A page for browsers and phones, offline."),
    },
    "Judge it": {
        "eval": (evaluate.evaluate, "Score variants on a data set."),
        "bench": (bench.bench, "Time variants side by side; which one to ship."),
        "inspect": (inspect.inspect, "Show task, variants, sizes, evidence."),
        "doctor": (doctor.doctor, "Check a bundle and this machine."),
        "study": (study.study, "DistilBERT beside BERT-base on this device."),
    },
}
for _panel, _verbs in _PANELS.items():
    for _name, (_verb, _line) in _verbs.items():
        app.command(_name, short_help=_line, rich_help_panel=_panel)(_verb)


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
            verbs = ", ".join(name for verbs in _PANELS.values() for name in verbs)
            raise typer.BadParameter(f"there is no verb {verb!r}, expected one of {verbs}")
    own = typer.Context(command, parent=root, info_name=verb) if verb else root
    if text := command.get_help(own):  # empty where rich has printed it
        print(text)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"edge-distil {__version__}")
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
