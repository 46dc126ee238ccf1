"""The command ``edge-distil``: one file a verb; heavy imports stay inside the handlers.

stdout carries results alone (with ``--json`` one JSON document); progress, warnings and errors
go to stderr. Exit status: 0 done, 1 failed with one clear line, 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from edge_distil import __version__
from edge_distil.errors import EdgeDistilError
from edge_distil_apps.cli import (
    bench,
    console,
    doctor,
    embed,
    evaluate,
    export,
    inspect,
    quantize,
    run,
    search,
    study,
)

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it

app = typer.Typer(
    name="edge-distil",
    help="Transformer encoders on devices: export, int8, proof, and a small runtime.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda flag: flag.replace("_", "-"),
    },
)
app.command("export")(export.export)
app.command("quantize")(quantize.quantize)
app.command("run")(run.run)
app.command("embed")(embed.embed)
app.command("eval")(evaluate.evaluate)
app.command("bench")(bench.bench)
app.command("inspect")(inspect.inspect)
app.command("doctor")(doctor.doctor)
app.command("search")(search.search)
app.command("study")(study.study)


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


def main() -> None:
    """Run the command line; one line on stderr for every error that is ours."""
    try:
        app()
    except EdgeDistilError as error:
        console.error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        console.error("interrupted; nothing half-written remains")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:  # the reader of stdout went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
