"""What ``bench`` does: models are prepared, timed side by side, compared and shown."""

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

import typer

from edge_distil import hardware
from edge_distil._writing import locks, storage
from edge_distil._writing.journal import Journal
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import Bundle
from edge_distil_apps import kept
from edge_distil_apps.cli import console
from edge_distil_apps.cli.ending import remains
from edge_distil_apps.cli.flow.steps import step
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


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was typed; see the verb's options."""

    bundles: Sequence[Path]
    variants: Sequence[str]
    threads: int | None
    untrained: bool
    against: Sequence[str]
    checkpoint: Path | None
    texts: Path | None
    data: Path | None
    quick: bool
    full: bool
    limit: float | None
    queries: int | None
    seconds: float | None
    processes: int | None
    output: Path | None
    work: Path | None
    force: bool


def measure_and_show(asked: Asked, as_json: bool) -> None:
    """Do it.

    Raises:
        EdgeDistilError: Something that was asked for is not there or cannot be measured.
    """
    output = _checked(asked.output, force=asked.force)
    protocol, effort, usual_limit = _protocol(asked)
    limit = usual_limit if asked.limit is None else asked.limit
    count = _threads(asked.threads)
    work = asked.work or kept.folder()
    wanted = [peers.parse(text) for text in asked.against]
    with ExitStack() as stack:
        stack.enter_context(_room_for(output))
        entries = find_entries(
            asked.bundles, asked.variants, threads=count, trained=not asked.untrained
        )
        first = entries[0]
        folder = _check_peers(wanted, first.bundle, asked.checkpoint)
        queries = choose_queries(first.bundle, first.model.variant, asked.texts)
        origin = peers.Origin(
            first.bundle, folder, first.model.model, count, work, trained=not asked.untrained
        )
        entries += _prepare(wanted, origin)
        data = asked.data
        if data is None and _reads_passages(first.bundle):
            data = PASSAGES
        plan = Plan(entries, queries, protocol, effort, data, limit)
        journal = stack.enter_context(_kept(plan, work))
        console.note(
            f"{console.count(len(entries), 'model')}: timing takes at most {plan.limit:g} s, their "
            "start apart (--limit)"
        )
        measurements = measure(plan, journal, step)
        conclusions = conclude(measurements, longer_command(sys.argv[1:], limit, count))
        # Shown before it is written, which may fail after minutes of work.
        if as_json:
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


def _protocol(asked: Asked) -> tuple[Protocol, Effort, float]:
    protocol, effort, limit = _USUAL, _USUAL_EFFORT, _USUAL_LIMIT
    if asked.full:
        protocol, effort, limit = _FULL, FULL_HEADLINE, _FULL_LIMIT
    if asked.quick:
        protocol, effort, limit = _QUICK, _QUICK_EFFORT, _QUICK_LIMIT
    if asked.processes is not None:
        protocol = dataclasses.replace(protocol, processes=asked.processes, sequential=False)
    wanted = Effort(
        effort.queries if asked.queries is None else asked.queries,
        effort.seconds if asked.seconds is None else asked.seconds,
    )
    return protocol, wanted, limit


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
        remains.watch(file.is_file)
        if journal.count(""):
            console.note("going on where the same command ended before")
        yield journal
