"""How the command line speaks: results on stdout, everything else on stderr.

What a terminal would act on is escaped here: labels, prompts and file names may be anybody's.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_distil._machine import installation
from edge_distil._reading.printable import printable
from edge_distil.errors import InputError, MissingExtra
from edge_distil_apps.cli import options, streams
from edge_distil_apps.cli.flow.styled import rendered
from edge_distil_apps.cli.flow.styled import text as text

if TYPE_CHECKING:  # rich takes as long to import as many a command to do its work
    from rich.console import Console, RenderableType

# What the extras bring: if one of these is absent, the extra is.
_APPS_PACKAGES = {"jinja2", "pyarrow", "usearch"}
_CORE_ML_PACKAGES = {"attr", "attrs", "cattrs", "coremltools", "pyaml"}
_EXPORT_PACKAGES = {
    "h5py", "huggingface_hub", "onnx", "onnx_ir", "onnxscript", "optimum", "safetensors", "torch",
    "transformers",
}  # fmt: skip
_DISTIL_PACKAGES = {"accelerate", "pyarrow", "safetensors", "tensorboardX", "torch", "transformers"}
_SERVE_PACKAGES = {"anyio", "segno", "starlette", "uvicorn"}
_RAY_PACKAGES = {"pandas", "ray"} | _APPS_PACKAGES
_told: list[bool] = []  # an item for each document
_THREADS_A_CORE = 8  # more make a text take seconds

Json = Annotated[
    bool, options.flag("--json", text="Print one JSON document.", panel=options.OUTPUT)
]


def _check_threads(count: int) -> None:
    """Refuse numbers of threads that are a slip, and warn of those that slow the work.

    Raises:
        InputError: There are none, or many times as many as cores.
    """
    from edge_distil import hardware  # it brings numpy

    cores = hardware.available_cores()
    if hardware.threads(count) > _THREADS_A_CORE * cores:
        raise InputError(
            f"threads is {count}, expected at most {_THREADS_A_CORE * cores}, {_THREADS_A_CORE} "
            "for each core here: leave --threads out for one a core"
        )
    if count > cores:
        note(f"warning: {count} threads share {cores} cores, which is slow: leave --threads out")


Threads = Annotated[
    int | None,
    options.value(
        kind="N",
        text="By default OMP_NUM_THREADS, else the cores.",
        panel=options.MODEL,
        check=_check_threads,
    ),
]
EngineName = Annotated[
    str | None,
    options.value(
        "--engine",
        kind="NAME",
        text="openvino[:bf16]; by default onnxruntime.",
        panel=options.MODEL,
        check=options.check_engine,
    ),
]
VariantName = Annotated[
    str | None,
    options.value(
        "--variant", kind="NAME", text="fp32, int8, …; by default fp32.", panel=options.MODEL
    ),
]


def say(text: str = "") -> None:
    """Print a line of the result, with marks as in ``[bold]name[/bold]``."""
    typer.echo(rendered(text, sys.stdout, lines=True), file=sys.stdout, color=True)


@cache
def _console(stderr: bool) -> Console:
    """Return rich's console of a stream, for pages and progress; it is slow to import."""
    from rich import console

    class _Console(console.Console):
        """A console that leaves it to `ends` what a pipe without a reader means."""

        def on_broken_pipe(self) -> None:
            raise  # the BrokenPipeError, for which rich calls this

    return _Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)


def count(number: int, noun: str) -> str:
    """Return a number and its noun, in the plural but for one.

    >>> count(1, "row"), count(2048, "row")
    ('1 row', '2,048 rows')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def document(value: Any) -> None:
    """Print one JSON document, with escapes where stdout cannot take its characters."""
    _told.append(True)
    text = printable(json.dumps(value, ensure_ascii=False, indent=2), lines=True)
    print(text if streams.can_encode(text) else json.dumps(value, indent=2))


def is_told() -> bool:
    """Return whether the one document is printed: a failure after it goes to stderr alone."""
    return bool(_told)


def begin() -> None:
    """Begin anew, where one process runs several commands, as tests do."""
    _told.clear()


def width() -> int:
    """Return the columns that stdout has room for: a file or a pipe takes lines of any length."""
    bounded = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if bounded else sys.maxsize


def cosine(value: float) -> str:
    """Write a cosine with four digits; what is not quite 1 does not look like it.

    >>> cosine(0.99871), cosine(0.99998)
    ('0.9987', '> 0.9999')
    """
    return "> 0.9999" if 0.99995 <= value < 1 else f"{value:.4f}"


def show(page: RenderableType) -> None:
    """Print something of rich's at the width of the terminal."""
    _console(stderr=False).print(page, soft_wrap=False)


def note(message: str) -> None:
    """Print progress or a warning to stderr."""
    with suppress(OSError):  # nobody reads it: no reason to end the work
        _tell(f"[dim]{text(message)}[/dim]")


def error(message: str) -> None:
    """Print the one line of an error to stderr."""
    with suppress(OSError):
        _tell(f"[bold red]error:[/bold red] {text(message)}")


def _tell(line: str) -> None:
    typer.echo(rendered(line, sys.stderr), file=sys.stderr, color=True)


def argument(value: str) -> str:
    """Return a text of the command line as UTF-8, whatever the locale took it for (``LANG=C``).

    Raises:
        BadParameter: It is not UTF-8 and the locale, too, knows no such characters.
    """
    with suppress(UnicodeError):
        return os.fsencode(value).decode("utf-8")
    if not any("\udc80" <= character <= "\udcff" for character in value):
        return value  # in the locale's own encoding
    raise typer.BadParameter(
        f"{value!r} is not UTF-8: type it on a terminal that is set to UTF-8, or give it in a file"
    )


def read_text(source: str | Path) -> str:
    """Read text from a file, or from stdin for ``-``; a byte order mark is dropped.

    Raises:
        InputError: It cannot be read.
    """
    from edge_distil.rows import decode

    name = "stdin" if source == "-" else str(source)
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {name} ({error.strerror}): check it") from error
    return decode(data, name)


def interactive() -> bool:
    """Return whether a person watches stderr."""
    return sys.stderr.isatty()


@contextmanager
def progress_bar(label: str, before: int = 0) -> Iterator[Callable[..., None]]:
    """Show a bar with rate and time left on stderr, where that is a terminal.

    Args:
        label: What is going on.
        before: Items done before, which say nothing about the time left.

    Yields:
        A function of the number of items done, of all, and optionally words on the rate.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    label_column, rate_column = TextColumn("{task.description}"), TextColumn("{task.fields[rate]}")
    columns = (label_column, BarColumn(), MofNCompleteColumn(), rate_column, TimeLeft())
    with Progress(*columns, console=_console(stderr=True), disable=not interactive()) as progress:
        task = progress.add_task(label, total=None, completed=before, rate="")

        def update(done: int, total: int | None, rate: str = "") -> None:
            progress.update(task, completed=done, total=total, rate=rate)

        yield update


@contextmanager
def live(make: Callable[..., Any], *columns: Any) -> Iterator[Any]:
    """Show a progress display of rich's on stderr; ``None`` where no person watches."""
    if not interactive():
        yield None
        return
    with make(*columns, console=_console(stderr=True)) as display:
        yield display


def needs_export() -> AbstractContextManager[None]:
    """Turn an import that fails for want of ``[export]`` into the command that installs it."""
    return _needs("export", _EXPORT_PACKAGES)


def needs_distil() -> AbstractContextManager[None]:
    """Turn an import that fails for want of ``[distil]`` into the command that installs it."""
    return _needs("distil", _DISTIL_PACKAGES)


def needs_coreml() -> AbstractContextManager[None]:
    """Turn an import that fails for want of ``[coreml]`` into the command that installs it."""
    return _needs("coreml", _CORE_ML_PACKAGES | _EXPORT_PACKAGES)


def needs_apps() -> AbstractContextManager[None]:
    """Turn an import that fails for want of ``[apps]`` into the command that installs it."""
    return _needs("apps", _APPS_PACKAGES)


def needs_ray() -> AbstractContextManager[None]:
    """Turn an import that fails for want of ``[ray]`` into the command that installs it."""
    return _needs("ray", _RAY_PACKAGES)


def needs_serve() -> AbstractContextManager[None]:
    """Turn an import that fails for want of ``[serve]`` into the command that installs it."""
    return _needs("serve", _SERVE_PACKAGES)


@contextmanager
def _needs(extra: str, packages: Collection[str]) -> Iterator[None]:
    """Name the extra in the error of an import that fails.

    Raises:
        MissingExtra: One of the extra's packages is absent.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        package = (missing.name or "").split(".")[0]
        if package not in packages:
            raise
        raise MissingExtra(
            f"this needs {package}, which is not installed: {installation.install(extra)}"
        ) from missing


def megabytes(size: int) -> str:
    """Write a size in bytes as MB (10^6 bytes)."""
    return f"{size / 1e6:,.1f} MB"
