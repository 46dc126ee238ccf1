"""``edge-distil bench``: how fast are these models here, and which one to ship?"""

from __future__ import annotations

import dataclasses
import hashlib
import json as json_library
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from edge_distil import hardware
from edge_distil._writing import locks, storage
from edge_distil._writing.journal import Journal
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import Bundle
from edge_distil_apps import kept
from edge_distil_apps.cli import console, options
from edge_distil_apps.shipped import PASSAGES
from edge_distil_apps.side_by_side import presentation
from edge_distil_apps.side_by_side.texts import choose_queries
from edge_distil_bench import peers
from edge_distil_bench.machine.environment import free_threads, watch_load
from edge_distil_bench.protocol.design import FULL, FULL_HEADLINE, Effort, Protocol
from edge_distil_bench.records import check_replaceable, write_measurements
from edge_distil_bench.side_by_side.conclusions import conclude
from edge_distil_bench.side_by_side.entries import Entry, find_entries
from edge_distil_bench.side_by_side.measure import Plan, measure

# Each looks at what it has after so many rounds, and goes on until the figures decide.
_QUICK, _QUICK_EFFORT, _QUICK_LIMIT = (
    Protocol(
        "quick", processes=4, warmup_runs=5, warmup_seconds=0.5, turn=4, cold_starts=3,
        sequential=True,
    ),
    Effort(96),
    60.0,
)  # fmt: skip
_USUAL, _USUAL_EFFORT, _USUAL_LIMIT = (
    Protocol("usual", processes=5, warmup_seconds=1.0, cold_starts=5, sequential=True),
    Effort(240, 5),
    240.0,
)
_FULL, _FULL_LIMIT = dataclasses.replace(FULL, sequential=True), 1800.0
_QUESTION_ANSWERING = "question-answering"
_LEAST_LENGTH = 128  # tokens
_PEERS = "Other engines"
_INPUT = "Queries"
_EFFORT = "Effort"


def _parse_peers(texts: Sequence[str]) -> list[peers.Wanted]:
    return [peers.parse(text) for text in texts]


def bench(
    bundles: Annotated[list[Path], options.argument("DIR", "Bundles of one task.")],
    variant: Annotated[
        list[str] | None,
        options.value(kind="NAME", text="May be repeated; by default all.", panel=options.MODEL),
    ] = None,
    threads: console.Threads = None,
    untrained: Annotated[
        bool,
        options.flag("--untrained", text="Random weights: no accuracy.", panel=options.MODEL),
    ] = False,
    against: Annotated[
        list[str] | None,
        options.value(
            kind="PEER",
            text="Another engine; may be repeated.",
            panel=_PEERS,
            check=_parse_peers,
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        options.value(kind="DIR", text="What the first bundle was made from.", panel=_PEERS),
    ] = None,
    texts: Annotated[
        Path | None,
        options.value(kind="FILE", text="Queries, one a line; else built in.", panel=_INPUT),
    ] = None,
    data: Annotated[
        Path | None,
        options.value(kind="FILE", text="Labelled file to score on, as for eval.", panel=_INPUT),
    ] = None,
    quick: Annotated[
        bool, options.flag("--quick", text="96 queries a model: a first look.", panel=_EFFORT)
    ] = False,
    full: Annotated[
        bool, options.flag("--full", text="1,024 queries and 60 s a model.", panel=_EFFORT)
    ] = False,
    limit: Annotated[
        float | None,
        options.value(kind="SECONDS", text="Time at most, decided or not.", panel=_EFFORT, min=0),
    ] = None,
    queries: Annotated[
        int | None,
        options.value(kind="N", text="Timed queries a model.", panel=_EFFORT, min=1),
    ] = None,
    seconds: Annotated[
        float | None,
        options.value(kind="X", text="Timed seconds a model.", panel=_EFFORT, min=0),
    ] = None,
    processes: Annotated[
        int | None,
        options.value(kind="N", text="Exactly so many rounds.", panel=_EFFORT, min=2),
    ] = None,
    output: Annotated[Path | None, options.output("FILE", "Raw samples, as JSON.")] = None,
    work: Annotated[
        Path | None,
        options.value(kind="DIR", text="For what is kept; else a cache.", panel=options.OUTPUT),
    ] = None,
    force: Annotated[
        bool, options.flag("--force", text="Replace FILE.", panel=options.OUTPUT)
    ] = False,
    json: console.Json = False,
) -> None:
    """Time variants and bundles side by side, and say which one to ship here.

    Examples:
    `edge-distil bench qa`

    `edge-distil bench distilbert bert --variant int8 --threads 1 -o bench.json`

    `edge-distil bench qa --checkpoint model --against torch --against openvino=ov/bin/python`

    Models share fresh processes and answer the same queries in turn; rounds are added until the
    figures decide. The first model runs beside a copy of itself, too, and no smaller difference is
    claimed. A run that was interrupted goes on when the same command is given again.

    PEER is NAME[:PRECISION][=PYTHON]: torch, optimum, ctranslate2 or openvino; PYTHON is the
    interpreter of the environment that has it.
    """
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other: give one of them")
    output = _checked(output, force=force)
    protocol, effort, usual_limit = _protocol(quick, full, queries, seconds, processes)
    limit = usual_limit if limit is None else limit
    count = _threads(threads)
    work = work or kept.folder()
    wanted = _parse_peers(against or ())
    with ExitStack() as stack:
        stack.enter_context(_room_for(output))
        entries = find_entries(bundles, variant or (), threads=count, trained=not untrained)
        first = entries[0]
        folder = _check_peers(wanted, first.bundle, checkpoint)
        asked = choose_queries(first.bundle, first.model.variant, texts)
        origin = peers.Origin(
            first.bundle, folder, first.model.model, count, work, trained=not untrained
        )
        entries += _prepare(wanted, origin)
        if data is None and _reads_passages(first.bundle):
            data = PASSAGES
        plan = Plan(entries, asked, protocol, effort, data, limit)
        journal = stack.enter_context(_kept(plan, work))
        measurements = measure(plan, journal, console.progress_bar)
        conclusions = conclude(measurements, longer_command(sys.argv[1:], limit, count))
        # Shown before it is written, which may fail after minutes of work.
        if json:
            console.document(presentation.document(measurements, conclusions, output))
        else:
            presentation.show(measurements, conclusions)
        if output is not None:
            write_measurements(measurements, output)
        if conclusions.verdict.variant is not None or not protocol.sequential:
            journal.forget()


def _reads_passages(bundle: Bundle) -> bool:
    """Whether the shipped questions fit beside a window of their passages."""
    manifest = bundle.manifest
    return manifest.task == _QUESTION_ANSWERING and manifest.max_length >= _LEAST_LENGTH


def _checked(output: Path | None, *, force: bool) -> Path | None:
    """Refuse before the work, and not after it, what cannot be written; a link stays one."""
    if output is None:
        return None
    if output.is_dir():
        raise typer.BadParameter(f"-o {output} is a directory: give a file, such as bench.json")
    if output.is_symlink():
        output = output.resolve()
    check_replaceable(output, force=force)
    return output


@contextmanager
def _room_for(output: Path | None) -> Iterator[None]:
    """See before the work that the output can be written; where it fails, no folder is left."""
    if output is None:
        yield
        return
    with storage.folder_for(output):
        with storage.storage_errors(output):
            # its name says for a message which file it is a try at
            tempfile.TemporaryFile(dir=output.parent, prefix=f".{output.name}.").close()
        yield


def _protocol(
    quick: bool, full: bool, queries: int | None, seconds: float | None, processes: int | None
) -> tuple[Protocol, Effort, float]:
    protocol, effort, limit = _USUAL, _USUAL_EFFORT, _USUAL_LIMIT
    if full:
        protocol, effort, limit = _FULL, FULL_HEADLINE, _FULL_LIMIT
    if quick:
        protocol, effort, limit = _QUICK, _QUICK_EFFORT, _QUICK_LIMIT
    if processes is not None:
        protocol = dataclasses.replace(protocol, processes=processes, sequential=False)
    asked = Effort(
        effort.queries if queries is None else queries,
        effort.seconds if seconds is None else seconds,
    )
    return protocol, asked, limit


def _threads(requested: int | None) -> int:
    """Choose the number of threads, and say so where other work leaves fewer than usual."""
    load = watch_load()
    usual, count = hardware.threads(requested), free_threads(requested, load)
    if load is not None and count < usual:
        console.note(
            f"other work keeps {load.busy:.1f} cores busy, so threads are {count}, not {usual}: "
            f"give --threads {usual} to measure with {usual} all the same"
        )
    return count


def longer_command(arguments: Sequence[str], limit: float, threads: int) -> str:
    """Return the command that goes on with twice the time, and the same threads.

    >>> longer_command(["bench", "qa", "--quick"], 60, 2)
    'edge-distil bench qa --quick --threads 2 --limit 120'
    >>> longer_command(["bench", "qa", "--limit", "120", "--threads=1", "-o", "b.json"], 120, 1)
    'edge-distil bench qa --threads=1 -o b.json --force --limit 240'
    """
    kept, words = [], iter(arguments)
    for word in words:
        if word == "--limit":
            next(words, None)
        elif not word.startswith("--limit="):
            kept.append(word)
    if not any(word.partition("=")[0] == "--threads" for word in kept):
        kept += ["--threads", str(threads)]
    if "--force" not in kept and any(word.startswith(("-o", "--output")) for word in kept):
        kept.append("--force")  # the file is there by then
    return shlex.join(["edge-distil", *kept, "--limit", f"{2 * limit:g}"])


def _check_peers(
    wanted: list[peers.Wanted], bundle: Bundle, checkpoint: Path | None
) -> Path | None:
    """Refuse peers that cannot run before any is converted; return the checkpoint they need."""
    for one in wanted:
        peers.release(one)
    if any(one.peer.needs_checkpoint for one in wanted):
        return peers.find_checkpoint(bundle, checkpoint)
    return None


def _prepare(wanted: list[peers.Wanted], origin: peers.Origin) -> list[Entry]:
    return [
        Entry(made.model, made.participant, origin.bundle, peer=True)
        for one in wanted
        for made in peers.prepare(one, origin, console.note)
    ]


@contextmanager
def _kept(plan: Plan, work: Path) -> Iterator[Journal]:
    """Keep what is measured on disk until it is told to be forgotten, so that it can go on."""
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
            console.note("going on where the same command ended before")
        yield journal
