"""``edge-distil embed``: a file of texts -> a file of vectors."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from edge_distil._reading.printable import printable
from edge_distil._writing.storage import atomic_file, folder_for
from edge_distil.errors import InputError, PlaceBusy, StorageError
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.ending import remains
from edge_distil_apps.cli.flow.throughput import watch_texts

if TYPE_CHECKING:
    from edge_distil.precision import Precision
    from edge_distil_apps.embed import Job, Summary
    from edge_distil_apps.embed.engine import Engine

_STDIN = "-"
_RAY = "ray"
_INPUT = "Texts"
_BAD_ROWS = 1
_VECTORS = "Vectors"
_WORK = "Work"


def _check_precision(name: str) -> None:
    from edge_distil.precision import check_precision  # it brings numpy

    check_precision(name)


def _check_format(name: str) -> None:
    from edge_distil_apps.embed.reading import INPUT_FORMATS

    options.one_of(*INPUT_FORMATS)(name)


def embed(
    bundle: Annotated[Path, options.argument("BUNDLE", "An embedding bundle.")],
    file: Annotated[str, options.argument("FILE", "Texts: a file, a folder, or - (stdin).")],
    output: Annotated[Path, options.output("OUT", "OUT.npy, OUT.parquet or OUT/.")],
    column: Annotated[
        str | None,
        options.value(kind="NAME", text="The column of the texts; by default text.", panel=_INPUT),
    ] = None,
    keep: Annotated[
        str, options.value(kind="A,B", text="Columns to carry over to Parquet.", panel=_INPUT)
    ] = "",
    input_format: Annotated[
        str | None,
        options.value(
            kind="KIND",
            text="csv, tsv, json, jsonl, txt, …",
            panel=_INPUT,
            check=_check_format,
        ),
    ] = None,
    no_header: Annotated[
        bool, options.flag("--no-header", text="A CSV's first line is a row.", panel=_INPUT)
    ] = False,
    prompt_name: Annotated[
        str | None,
        options.value(kind="NAME", text="The model's prompt before each text.", panel=_INPUT),
    ] = None,
    prompt: Annotated[
        str | None, options.value(kind="TEXT", text="Put this before each text.", panel=_INPUT)
    ] = None,
    precision: Annotated[
        str,
        options.value(
            kind="TYPE",
            text="float32, int8, uint8, binary or ubinary.",
            panel=_VECTORS,
            check=_check_precision,
        ),
    ] = "float32",
    truncate_dim: Annotated[
        int | None, options.value(kind="N", text="Keep N dimensions.", panel=_VECTORS, min=1)
    ] = None,
    normalize: Annotated[
        bool, options.flag("--normalize", text="Scale vectors to length 1.", panel=_VECTORS)
    ] = False,
    engine: Annotated[
        str,
        options.value(
            kind="local|ray",
            text="Who does the work.",
            panel=_WORK,
            check=options.one_of("local", "ray"),
        ),
    ] = "local",
    address: Annotated[
        str | None,
        options.value(kind="HOST:PORT", text="Ray's, or auto; else it is started.", panel=_WORK),
    ] = None,
    workers: Annotated[
        int | None,
        options.value(kind="N", text="Ray's; else one a core.", panel=_WORK, min=1),
    ] = None,
    batch_size: Annotated[
        int | None, options.value(kind="N", text="At most N texts at once.", panel=_WORK, min=1)
    ] = None,
    strict: Annotated[
        bool, options.flag("--strict", text="Status 1 if any row is bad.", panel=options.OUTPUT)
    ] = False,
    force: Annotated[
        bool,
        options.flag("--force", text="Replace OUT, and another job's parts.", panel=options.OUTPUT),
    ] = False,
    variant: console.VariantName = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Embed a corpus: a file of texts becomes a file of vectors.

    FILE is txt (a text a line, empty ones too), jsonl, json, csv, tsv or parquet, or a folder of
    them; delimiters, quotes and encodings (UTF-8, UTF-16) are found out, and so is what comes on
    stdin, if --input-format does not say it: a line on stderr says how. Of .md and .rst, or a
    folder of these, a row is a passage, with file, start, end and heading to --keep.
    On a cluster of Ray, bundle, FILE and OUT must be on a file system that all nodes share.

    Killed or interrupted, the same command goes on where it was: what is done is kept beside OUT
    in .OUT.parts until OUT is whole. A row that cannot be embedded (broken JSON, no text, no UTF-8)
    ends nothing: its vector is NaN (0 in integers, null in Parquet), and OUT.errors.jsonl says why.
    The status is then 0, with --strict 1; where no row can be embedded it is 1, and OUT not there.

    Examples:
    `edge-distil embed minilm sentences.txt -o vectors.npy --variant int8`

    `edge-distil embed minilm posts.jsonl --column body --keep id,title -o posts.parquet`

    `edge-distil embed minilm /shared/posts -o /shared/vectors/ --engine ray --address auto`
    """
    from edge_distil_apps.embed import Job, Options, embed_corpus
    from edge_distil_apps.embed.parts import Parts

    run = _engine(engine, address, workers)
    is_directory = _is_directory(output)
    if output.is_symlink() or not output.name.strip("."):  # a link stays; "." has no name
        output = output.resolve()
    if prompt is not None and prompt_name is not None:
        raise typer.BadParameter(
            "got --prompt and --prompt-name, expected one of them: leave the other out"
        )
    columns = tuple(name.strip() for name in keep.split(",") if name.strip())
    if columns and output.suffix == ".npy" and not is_directory:
        raise typer.BadParameter("--keep needs a Parquet output: name it OUT.parquet or OUT/")
    suffix = f".{input_format}" if input_format else ""
    with folder_for(output), _on_disk(file, output, suffix, column) as (path, suffix):
        job = Job(
            path, output, bundle, variant, threads, column, columns, cast("Precision", precision),
            Options(normalize, truncate_dim, prompt_name, prompt, batch_size), is_directory,
            suffix, no_header,
        )  # fmt: skip
        remains.watch(lambda: bool(Parts(job.parts)))
        name = "stdin" if file == _STDIN else file

        def say(words: str) -> None:
            console.note(f"{name} is read as {words}")

        try:
            with console.needs_ray() if engine == _RAY else console.needs_apps():
                summary = embed_corpus(job, run, watch_texts, force=force, say=say)
        except PlaceBusy:  # it keeps what it does
            raise
        except StorageError:
            if Parts(job.parts):
                console.note(f"what is done is kept: the same command goes on ({job.parts})")
            raise
    _report(job, summary, json)
    if strict and summary.bad:
        raise typer.Exit(_BAD_ROWS)


def _engine(name: str, address: str | None, workers: int | None) -> Engine:
    from edge_distil_apps.embed.engine import run_local
    from edge_distil_apps.embed.ray_engine import run_ray

    if name == _RAY:
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
def _on_disk(
    file: str, output: Path, suffix: str, column: str | None
) -> Iterator[tuple[Path, str]]:
    """Put stdin into a file beside the output, named for its content: piped again, it goes on.

    Raises:
        InputError: It cannot be read; the message calls it stdin.
    """
    if file != _STDIN:
        yield Path(file), suffix
        return
    from edge_distil_apps.embed.reading import recognise

    data = sys.stdin.buffer.read()
    digest = hashlib.sha256(data).hexdigest()
    ending = suffix or recognise(data, column)
    path = output.with_name(f".{output.name}.stdin-{digest[:16]}{ending}")
    with atomic_file(path) as temporary:
        temporary.write_bytes(data)
    try:
        yield path, ending
    except InputError as error:
        raise type(error)(str(error).replace(str(path), "stdin")) from error
    finally:
        path.unlink(missing_ok=True)


def _report(job: Job, summary: Summary, as_json: bool) -> None:
    from edge_distil_apps.embed.run import describe

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
