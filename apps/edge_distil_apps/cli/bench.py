"""``edge-distil bench``: how fast are these models here, and which one to ship?"""

from __future__ import annotations

import dataclasses
import hashlib
import json as json_library
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from edge_distil import hardware
from edge_distil._writing import locks, storage
from edge_distil._writing.journal import Journal
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import Bundle
from edge_distil_apps import peers, side_by_side
from edge_distil_apps.cli import console
from edge_distil_apps.side_by_side import presentation
from edge_distil_apps.side_by_side.texts import PASSAGES
from edge_distil_bench.measurements import Measurements, write_measurements
from edge_distil_bench.protocol import FULL, FULL_HEADLINE, QUICK, QUICK_HEADLINE, Effort, Protocol

# Between the protocol's two: a small model's variants take a minute or two.
_USUAL, _USUAL_EFFORT = Protocol("usual", processes=3, cold_starts=5), Effort(256, 10)
_QUESTION_ANSWERING = "question-answering"
_LEAST_LENGTH = 128  # tokens


def bench(
    bundles: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Bundles of one task.")],
    variant: Annotated[
        list[str] | None,
        typer.Option(help="Variants; by default all. May be given several times."),
    ] = None,
    against: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:PRECISION][=PYTHON]",
            help=f"Another engine beside the first bundle: {', '.join(peers.PEERS)}; PYTHON is "
            "the interpreter of the environment that has it. May be given several times.",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Directory of the first bundle's checkpoint, for --against.")
    ] = None,
    texts: Annotated[
        Path | None,
        typer.Option(help="Queries, one a line (question, tab, context); by default own-written."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled file to score on, as for eval; for QA the shipped passages."),
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="The weights are random: there is no accuracy.")
    ] = False,
    threads: console.Threads = None,
    quick: Annotated[bool, typer.Option("--quick", help="128 queries and 10 s a model.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="1,024 queries and 60 s a model, 5 processes.")
    ] = False,
    queries: Annotated[int | None, typer.Option(min=1, help="Timed queries a model.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Timed seconds a model.")] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=2, help="Fresh processes a model: an interval needs two or more."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the raw samples there, as JSON.")
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(help="Folder for converted peers and interrupted runs; by default a cache."),
    ] = None,
    json: console.Json = False,
) -> None:
    """Time variants and bundles side by side, and say which one to ship here.

    Examples:
    `edge-distil bench qa`

    `edge-distil bench distilbert bert --variant int8 --threads 1 -o bench.json`

    `edge-distil bench qa --checkpoint model --against torch --against openvino=ov/bin/python`

    Each model runs in fresh processes, in randomised ABBA blocks over the same queries; the first
    one runs beside itself, too, and no smaller difference is claimed. A run that was interrupted
    goes on when the same command is given again.
    """
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other: give one of them")
    output = _checked(output)
    protocol, effort = _protocol(quick, full, queries, seconds, processes)
    count = hardware.threads(threads)
    work = work or _cache()
    wanted = [peers.parse(text) for text in against or ()]
    contenders = side_by_side.find_contenders(
        bundles, variant or (), threads=count, trained=not untrained
    )
    first = contenders[0]
    folder = _check_peers(wanted, first.bundle, checkpoint)
    asked = side_by_side.choose_queries(first.bundle, first.model.variant, texts)
    source = peers.Source(
        first.bundle, folder, first.model.model, count, work, trained=not untrained
    )
    contenders += _prepare(wanted, source)
    if data is None and _reads_passages(first.bundle):
        data = PASSAGES
    plan = side_by_side.Plan(contenders, asked, protocol, effort, data)
    measurements = _measure(plan, work, output)
    conclusions = side_by_side.conclude(measurements)
    if json:
        console.document(presentation.document(measurements, conclusions, output))
    else:
        presentation.show(measurements, conclusions)


def _reads_passages(bundle: Bundle) -> bool:
    """Whether the shipped questions fit beside a window of their passages."""
    manifest = bundle.manifest
    return manifest.task == _QUESTION_ANSWERING and manifest.max_length >= _LEAST_LENGTH


def _checked(output: Path | None) -> Path | None:
    """Refuse before the work, and not after it, what cannot be written; a link stays one."""
    if output is None:
        return None
    if output.is_dir():
        raise typer.BadParameter(f"-o {output} is a directory: give a file, such as bench.json")
    if output.is_symlink():
        output = output.resolve()
    storage.make_folder(output.parent)
    return output


def _protocol(
    quick: bool, full: bool, queries: int | None, seconds: float | None, processes: int | None
) -> tuple[Protocol, Effort]:
    protocol, effort = _USUAL, _USUAL_EFFORT
    if full:
        protocol, effort = FULL, FULL_HEADLINE
    if quick:
        # Fresh processes to the first answer show little spread: some are enough for a quick look.
        protocol, effort = (
            dataclasses.replace(QUICK, cold_starts=3, warmup_seconds=1),
            QUICK_HEADLINE,
        )
    if processes is not None:
        protocol = dataclasses.replace(protocol, processes=processes)
    return protocol, Effort(
        effort.queries if queries is None else queries,
        effort.seconds if seconds is None else seconds,
    )


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "edge-distil"


def _check_peers(
    wanted: list[peers.Wanted], bundle: Bundle, checkpoint: Path | None
) -> Path | None:
    """Refuse peers that cannot run before any is converted; return the checkpoint they need."""
    for one in wanted:
        peers.release(one)
    if any(one.peer.needs_checkpoint for one in wanted):
        return peers.find_checkpoint(bundle, checkpoint)
    return None


def _prepare(wanted: list[peers.Wanted], source: peers.Source) -> list[side_by_side.Contender]:
    return [
        side_by_side.Contender(made.model, made.contestant, source.bundle, peer=True)
        for one in wanted
        for made in peers.prepare(one, source, console.note)
    ]


def _measure(plan: side_by_side.Plan, work: Path, output: Path | None) -> Measurements:
    key = plan.key()
    digest = hashlib.sha256(json_library.dumps(key, sort_keys=True).encode()).hexdigest()
    file = work / f"bench-{digest[:16]}.json"
    with ExitStack() as stack:
        with storage.storage_errors(file):
            storage.make_folder(work)
            stack.enter_context(locks.hold(locks.beside(file), file))
        stack.enter_context(temporaries_in(file.with_suffix(".tmp")))
        journal = Journal(file, key)
        if journal.count(""):
            console.note("going on where the same command was interrupted")
        measurements = side_by_side.measure(plan, journal, console.progress_bar)
        if output is not None:
            write_measurements(measurements, output)
        file.unlink(missing_ok=True)
    return measurements
