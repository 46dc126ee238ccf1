"""The engine for more than one machine: Ray Data hands the missing shards to a pool of workers.

Only shard numbers and small records travel. The texts and the vectors stay on the file system
that driver and workers share, where a part appears whole or not at all: the output is the local
engine's, bit for bit, however many workers there are and however many of them die.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import ModuleType

from edge_distil.errors import EngineError
from edge_distil_apps.embed.engine import Advance
from edge_distil_apps.embed.job import Job
from edge_distil_apps.embed.parts import Parts
from edge_distil_apps.embed.ray_session import ray_session
from edge_distil_apps.embed.ray_worker import Record, Worker, pack, tries
from edge_distil_apps.embed.rows import Shard

# Tasks that Ray keeps account of, a few kilobytes each. Of more shards than this several are one
# task; one that is done again skips the shards that are there.
_TASKS = 4096


def run_ray(
    job: Job,
    shards: Sequence[Shard],
    parts: Parts,
    advance: Advance,
    *,
    address: str | None = None,
    workers: int | None = None,
    notice: Callable[[str], None] = lambda message: None,
) -> None:
    """Do shards on Ray.

    Args:
        job: The job; `threads` are those of each worker, by default 1.
        shards: The shards to do.
        parts: Where they are written.
        advance: Called as shards are written.
        address: Of the cluster, as `ray_session` has it; by default this machine alone.
        workers: How many; by default as many as there are cores for.
        notice: Called with a line when a worker has died.

    Raises:
        EngineError: Ray cannot be reached, or shards kill their workers.
        EdgeDistilError: A worker cannot go on.
    """
    job = replace(
        job,
        input=job.input.absolute(),
        output=job.output.absolute(),
        bundle=job.bundle.absolute(),
        threads=job.threads or 1,
    )
    parts = Parts(parts.path.absolute())
    for shard in shards:
        tries(parts, shard).unlink(missing_ok=True)
    threads = job.threads or 1
    here = workers or max(1, (os.cpu_count() or 1) // threads)
    with ray_session(address, here * threads) as ray:
        size = workers or _as_many_as_fit(ray, threads) if address else here
        pool = min(size, len(shards))
        records = _records(job, shards, parts, pool)
        _follow(records, pool, advance, notice)
    if left := parts.missing(shards):
        raise EngineError(
            f"Ray left out some of the work ({len(left)} of its shards): "
            "run the same command again to go on"
        )


def _as_many_as_fit(ray: ModuleType, threads: int) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)


def _follow(
    records: Iterator[Record], pool: int, advance: Advance, notice: Callable[[str], None]
) -> None:
    """Show what the workers report.

    Raises:
        EngineError: One of them cannot go on.
    """
    seen: set[str] = set()
    for record in records:
        if record.error:
            raise EngineError(record.error)
        if record.worker not in seen and len(seen) >= pool:
            notice(f"a worker died; {record.worker} took its place and does its shards again")
        seen.add(record.worker)
        advance(record.rows)


def _records(job: Job, shards: Sequence[Shard], parts: Parts, pool: int) -> Iterator[Record]:
    """Start the pool and yield what it says of each shard, as they are done.

    Raises:
        EngineError: Ray gives up.
    """
    from ray import data
    from ray.exceptions import RayError

    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    tasks = data.from_items(
        [pack(shard) for shard in shards], override_num_blocks=min(len(shards), _TASKS)
    )
    # Ray Data restarts an actor that dies, and gives its tasks to another, without limit.
    done = tasks.map_batches(
        Worker,
        batch_size=1,
        compute=data.ActorPoolStrategy(size=pool, max_tasks_in_flight_per_actor=2),
        fn_constructor_args=(job, parts),
        num_cpus=job.threads,
    )
    try:
        for row in done.iter_rows():
            yield Record(**row)
    except RayError as error:
        raise EngineError(
            f"Ray gave up ({_reason(error)}): what is done is kept; see that every node has "
            "edge-distil and memory, and run the same command again"
        ) from error


def _reason(error: BaseException) -> str:
    """Return the first line of what was raised first, and its type; Ray wraps it several times."""
    reason = type(error).__name__
    cause: BaseException | None = error
    while cause is not None:
        if text := str(cause).strip():
            reason = f"{type(cause).__name__}: {text.splitlines()[0]}"
        cause = cause.__cause__ or getattr(cause, "cause", None)
    return reason
