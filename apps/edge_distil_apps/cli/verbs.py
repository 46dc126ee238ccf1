"""All verbs of the command line, one file each; heavy imports stay inside the handlers."""

from __future__ import annotations

from typing import Annotated

import typer

from edge_distil import __version__
from edge_distil_apps.cli import (
    bench,
    doctor,
    embed,
    evaluate,
    export,
    inspect,
    quantize,
    run,
    search,
    serve,
    study,
)

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
app.command("serve")(serve.serve)
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
