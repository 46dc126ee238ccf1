"""A job from start to end, whatever engine does it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing.storage import atomic_file
from edge_distil.errors import InputError
from edge_distil_apps.embed.assembly import assemble, check_output
from edge_distil_apps.embed.engine import Advance, Engine
from edge_distil_apps.embed.job import Job
from edge_distil_apps.embed.parts import Parts, opened_parts
from edge_distil_apps.embed.reading import describe as describe_source
from edge_distil_apps.embed.reading import is_evident
from edge_distil_apps.embed.rows import Shard

# Given the number of rows and of those that were done before, shows how the rest goes.
Watch = Callable[[int, int], AbstractContextManager[Advance]]

# How the files begin that this command writes.
_BEGINS = {".npy": b"\x93NUMPY", ".parquet": b"PAR1"}
_FIRST = 3  # bad rows that a person is shown at once; all are in the file


@dataclass(frozen=True)
class Summary:
    """What was done.

    Attributes:
        texts: Rows of the input.
        embedded: How many of them have a vector.
        bad: How many of them could not be embedded: the others.
        first_bad: The first of them, as they are in the file beside the output.
        resumed_from: Rows that an earlier run had done.
        column: The column that was embedded.
        read_as: How the input was read, in words.
        shape: Of the output.
        dtype: Of its numbers.
        seconds: Of this run.
    """

    texts: int
    embedded: int
    bad: int
    first_bad: tuple[dict[str, Any], ...]
    resumed_from: int
    column: str
    read_as: str
    shape: tuple[int, int]
    dtype: str
    seconds: float


def embed_corpus(
    job: Job,
    engine: Engine,
    watch: Watch,
    *,
    force: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Embed a corpus, or go on where an earlier run of the same job was killed.

    Args:
        job: What to do.
        engine: Who does it.
        watch: Shows the progress.
        force: Replace an output that is there, and throw away another job's parts.
        say: Hears how the input is read, where its name does not say it.

    Returns:
        What was done; the output and, beside it, the list of bad rows are written.

    Raises:
        InputError: The input, the output or an option cannot be used.
        StorageError: The place cannot be written; what is done is kept.
    """
    started = time.perf_counter()
    check_output(job)
    _check_apart(job)
    source = job.source()
    if job.suffix or not is_evident(source, job.column):
        say(describe_source(source, job.suffix))
    identity, is_there = job.identity(source), _is_there(job)
    with opened_parts(job.parts, identity, force=force, exists=is_there) as parts:
        shards = list(source.shards())
        missing = parts.missing(shards)
        total, left = (sum(shard.rows for shard in some) for some in (shards, missing))
        with watch(total, total - left) as advance:
            if missing:
                engine(job, missing, parts, advance)
        if job.identity(source) != identity:
            raise InputError(f"{job.input} or the bundle has changed meanwhile: run it again")
        first, bad = _write_problems(job, shards, parts)
        shape, dtype = assemble(job, source, shards, parts)
        parts.remove()
    seconds = time.perf_counter() - started
    return Summary(
        texts=total,
        embedded=total - bad,
        bad=bad,
        first_bad=first,
        resumed_from=total - left,
        column=source.column,
        read_as=describe_source(source, job.suffix),
        shape=shape,
        dtype=dtype,
        seconds=seconds,
    )


def _check_apart(job: Job) -> None:
    """Keep the input whole, and the output out of what the next run reads.

    Raises:
        InputError: The output is the input or lies in it.
    """
    inside = Path(os.path.realpath(job.input))
    places = [Path(os.path.realpath(place)) for place in (job.output, job.problems)]
    if inside in places:
        raise InputError(f"the output {job.output} is the input itself: choose another output")
    if job.input.is_dir() and any(inside in place.parents for place in places):
        raise InputError(
            f"the output {job.output} is inside the input {job.input}, of which it would be read "
            "as a part: choose an output outside"
        )


def _is_there(job: Job) -> bool:
    """Return whether there is an output to lose.

    Raises:
        InputError: What is there is nothing that this command writes.
    """
    if job.is_directory and job.output.is_dir():
        names = sorted(path.name for path in job.output.iterdir())
        if foreign := [n for n in names if not (n.startswith("part-") and n.endswith(".parquet"))]:
            raise InputError(
                f"{job.output} holds {foreign[0]}, expected an empty directory or one of part-* "
                "files alone: choose another output"
            )
        return bool(names)
    if job.is_directory and job.output.exists():
        raise InputError(f"{job.output} is a file, expected a directory: choose another output")
    if job.output.exists() and not _is_ours(job.output):
        raise InputError(
            f"{job.output} is no {job.output.suffix} file of vectors, and --force replaces nothing "
            "else: choose another output"
        )
    return job.output.exists()


def _is_ours(path: Path) -> bool:
    """Return whether a file is of the kind that its name says, or empty."""
    if not path.is_file():
        return False
    begin = _BEGINS[path.suffix]
    with path.open("rb") as file:
        return file.read(len(begin)) in (begin, b"")


def _write_problems(
    job: Job, shards: Sequence[Shard], parts: Parts
) -> tuple[tuple[dict[str, Any], ...], int]:
    """List the bad rows in a file beside the output; return the first of them and their number.

    Raises:
        InputError: All rows are bad.
    """
    if not any(True for _ in parts.problems(shards)):
        job.problems.unlink(missing_ok=True)  # of an output that is being replaced
        return (), 0
    first: list[dict[str, Any]] = []
    count = 0
    with atomic_file(job.problems) as temporary, temporary.open("w", encoding="utf-8") as file:
        for count, problem in enumerate(parts.problems(shards), 1):
            if count <= _FIRST:
                first.append(problem)
            file.write(json.dumps(problem, ensure_ascii=False) + "\n")
        if count == sum(shard.rows for shard in shards):
            parts.remove()
            raise InputError(
                f"no row of {job.input} ({count} read) can be embedded; {describe(first[0])}"
            )
    return tuple(first), count


def describe(problem: dict[str, Any]) -> str:
    """Put a bad row into words.

    >>> describe({"row": 3, "line": 5, "problem": "is a JSON list, expected an object"})
    'row 3 (line 5) is a JSON list, expected an object'
    """
    line = f" (line {problem['line']})" if "line" in problem else ""
    return f"row {problem['row']}{line} {problem['problem']}".replace(" the text", ": the text")
