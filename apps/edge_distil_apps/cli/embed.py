"""``edge-distil embed``: a file of texts -> a file of vectors."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from edge_distil._reading.printable import printable
from edge_distil._writing.storage import atomic_file
from edge_distil.errors import PlaceBusy, StorageError
from edge_distil.precision import Precision, check_precision
from edge_distil_apps.cli import console
from edge_distil_apps.cli.throughput import watch_texts
from edge_distil_apps.embed import Job, Options, Summary, embed_corpus
from edge_distil_apps.embed.engine import Engine, run_local
from edge_distil_apps.embed.ray_engine import run_ray
from edge_distil_apps.embed.run import describe

_STDIN = "-"


class EngineName(StrEnum):
    """Who does the work."""

    LOCAL = "local"
    RAY = "ray"


def embed(
    bundle: Annotated[Path, typer.Argument(help="An embedding bundle.")],
    file: Annotated[
        str,
        typer.Argument(
            help="txt (a text a line, empty ones too), jsonl, json, csv, tsv or parquet; a folder "
            "of such files; - is text on stdin. Delimiters, quotes and encodings (UTF-8, UTF-16) "
            "are found out."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="OUT.npy, OUT.parquet, or OUT/: a directory of Parquet files."
        ),
    ],
    column: Annotated[
        str | None, typer.Option(help="The text's column; by default text, or the only one.")
    ] = None,
    keep: Annotated[str, typer.Option(help="Columns to carry over to Parquet: id,title")] = "",
    precision: Annotated[
        str, typer.Option(help="float32, int8, uint8, binary or ubinary.")
    ] = "float32",
    truncate_dim: Annotated[
        int | None, typer.Option(min=1, help="Keep so many dimensions.")
    ] = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Scale vectors to length 1.")
    ] = False,
    prompt_name: Annotated[
        str | None, typer.Option(help="Put this prompt of the model before each text.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="Put this before each text.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="At most so many texts at once.")
    ] = None,
    engine: Annotated[
        EngineName, typer.Option(help="Who does the work: this process, or workers on Ray.")
    ] = EngineName.LOCAL,
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray's, on one of its nodes: auto or HOST:PORT; by default one is started here. "
            "Bundle, FILE and OUT must be on a file system that all its nodes share."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Ray's; by default one a core. Each has 1 thread, or --threads."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace OUT, and parts of another job beside it.")
    ] = False,
    variant: console.VariantName = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Embed a corpus.

    Killed or interrupted, the same command goes on where it was: what is done is kept beside OUT
    in .OUT.parts until OUT is whole. A row that cannot be embedded (broken JSON, no text, no UTF-8)
    ends nothing: its vector is NaN (0 in integers, null in Parquet), and OUT.errors.jsonl says why.

    Examples:
    `edge-distil embed minilm sentences.txt -o vectors.npy --variant int8`

    `edge-distil embed minilm posts.jsonl --column body --keep id,title -o posts.parquet`

    `edge-distil embed minilm /shared/posts -o /shared/vectors/ --engine ray --address auto`
    """
    check_precision(precision)
    run = _engine(engine, address, workers)
    is_directory = _is_directory(output)
    if output.is_symlink() or not output.name.strip("."):  # a link stays; "." has no name
        output = output.resolve()
    kept = tuple(name.strip() for name in keep.split(",") if name.strip())
    if kept and output.suffix == ".npy" and not is_directory:
        raise typer.BadParameter("--keep needs a Parquet output: name it OUT.parquet or OUT/")
    with _on_disk(file, output) as path:
        job = Job(
            path, output, bundle, variant, threads, column, kept, cast("Precision", precision),
            Options(normalize, truncate_dim, prompt_name, prompt, batch_size), is_directory,
        )  # fmt: skip
        try:
            with console.needs_ray() if engine is EngineName.RAY else console.needs_apps():
                summary = embed_corpus(job, run, watch_texts, force=force)
        except PlaceBusy:  # it keeps what it does
            raise
        except StorageError:
            if job.parts.exists():
                console.note(f"what is done is kept: the same command goes on ({job.parts})")
            raise
    _report(job, summary, json)


def _engine(name: EngineName, address: str | None, workers: int | None) -> Engine:
    if name is EngineName.RAY:
        return partial(run_ray, address=address, workers=workers, notice=console.note)
    if address is not None or workers is not None:
        raise typer.BadParameter("--address and --workers are Ray's: add --engine ray")
    return run_local


def _is_directory(output: Path) -> bool:
    """Say whether the output is to be a directory; a trailing slash does not survive in a Path."""
    if output.is_dir() or not output.suffix:
        return True
    if output.suffix not in (".npy", ".parquet"):
        raise typer.BadParameter(
            f"--output is {output}, expected OUT.npy, OUT.parquet or a directory OUT/"
        )
    return False


@contextmanager
def _on_disk(file: str, output: Path) -> Iterator[Path]:
    """Put stdin into a file beside the output, named for its content: piped again, it goes on."""
    if file != _STDIN:
        yield Path(file)
        return
    data = sys.stdin.buffer.read()
    digest = hashlib.sha256(data).hexdigest()
    path = output.with_name(f".{output.name}.stdin-{digest[:16]}.txt")
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
        os.utime(temporary, (0, 0))  # the time is part of a job's identity
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _report(job: Job, summary: Summary, as_json: bool) -> None:
    for problem in summary.first_bad:
        console.note(printable(describe(problem)))
    if summary.bad:
        console.note(
            f"{console.count(summary.bad, 'row')} could not be embedded: see {job.problems}"
        )
    if as_json:
        rate = (summary.texts - summary.resumed_from) / summary.seconds
        counted = asdict(summary) | {"file": str(job.output), "texts_per_second": round(rate, 1)}
        console.document(counted)
        return
    shape = " x ".join(map(str, summary.shape))
    rows = console.count(summary.texts, "row")
    rows += f": {summary.embedded:,} embedded, {summary.bad:,} bad"
    column = "" if summary.column == "text" else f" · column {summary.column!r}"
    console.say(console.text(f"{job.output}: {shape} {summary.dtype} · {rows}{column}"))
