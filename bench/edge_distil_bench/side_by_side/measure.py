"""Everything that is measured of models side by side; what was interrupted goes on."""

from __future__ import annotations

import datetime
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import edge_distil
from edge_distil._writing.journal import Journal
from edge_distil.bundle import Bundle
from edge_distil.encoder import open_encoder
from edge_distil.errors import InputError
from edge_distil.evaluate import evaluate
from edge_distil.evaluate.drift import compare_outputs
from edge_distil_bench.costs.cold_start import measure_cold_starts
from edge_distil_bench.costs.memory import measure_memory
from edge_distil_bench.machine.environment import record_environment
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.protocol.processes import Participant, participant, started
from edge_distil_bench.protocol.queries import Queries, make_queries
from edge_distil_bench.protocol.sampling import Ending, Workload, sample
from edge_distil_bench.records import Accuracy, Measurements, Memory, Run, plain, record
from edge_distil_bench.side_by_side.ending import decided
from edge_distil_bench.side_by_side.entries import Entry

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
# `Accuracy.data` of a comparison with what the bundle's fp32 variant gives for the same queries.
OUTPUTS = "outputs of fp32"
_COMPARED = 16  # queries whose outputs are compared


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        entries: The models; the first one runs beside itself, too.
        queries: What they answer.
        protocol: Its numbers.
        effort: How long, before the first look.
        limit: Seconds after which it ends, decided or not.
        data: A labelled file that our models are scored on; ``None`` for none.
    """

    entries: Sequence[Entry]
    queries: Queries
    protocol: Protocol
    effort: Effort
    data: Path | None
    limit: float = math.inf

    @property
    def threads(self) -> int:
        """Threads of every engine."""
        return self.entries[0].participant.threads

    def key(self) -> dict[str, Any]:
        """Return what figures depend on: those of another key are not gone on with."""
        return {
            "models": [plain(one.model) for one in self.entries],
            "commands": [one.participant.command for one in self.entries],
            "queries": asdict(self.queries),
            "protocol": self.described(),
            "machine": edge_distil.hardware.cpu_name(),
            "data": str(self.data and self.data.resolve()),
        }

    def described(self) -> dict[str, Any]:
        """Return every number of the protocol."""
        return {**asdict(self.protocol), "queries": self.effort.queries,
                "seconds": self.effort.seconds}  # fmt: skip


def measure(plan: Plan, journal: Journal, bar: Bar) -> Measurements:
    """Measure all of a plan.

    Args:
        plan: What.
        journal: Where figures are kept as soon as they are known.
        bar: Shows a labelled progress bar.

    Raises:
        BenchmarkError: A model's process cannot go on; what was measured before is kept.
    """
    begun = journal.recall("begun", partial(_begin, plan.threads))
    # First, for a file that cannot be scored on is to be said before minutes of timing.
    scores = _score(plan, journal, bar)
    participants = [one.participant for one in plan.entries]
    workload = Workload(plan.queries, plan.effort)
    with bar("timing") as progress:
        runs, readings = sample(
            [*participants, *_copies(participants)], [workload], plan.protocol,
            journal=journal, group="side-by-side", progress=progress,
            ending=Ending(partial(_decided, plan), plan.limit),
        )  # fmt: skip
    with bar("cold starts") as progress:
        cold_starts = measure_cold_starts(
            participants, plan.queries, plan.protocol.cold_starts,
            journal=journal, progress=progress,
        )  # fmt: skip
    memory = _measure_memory(participants, plan.queries, journal, bar)
    accuracy = [*_compare(plan, journal, bar), *scores]
    return Measurements(
        device=begun["environment"]["cpu"],
        created=begun["created"],
        protocol=plan.described(),
        environment=begun["environment"],
        models=tuple(one.model for one in plan.entries),
        inputs=(plan.queries.inputs,),
        runs=tuple(runs),
        memory=tuple(memory),
        cold_starts=tuple(cold_starts),
        accuracy=tuple(accuracy),
        readings=tuple(readings),
    )


def _copies(participants: Sequence[Participant]) -> list[Participant]:
    """Return the first model's copies for the A/A tests: in its process, and in one of its own.

    The latter is what peers are held against, which have processes of their own, too.
    """
    copies = [replace(participants[0], copy=1)]
    if any(one.opens is None for one in participants):
        copies.append(replace(participants[0], copy=2, apart=True))
    return copies


def _decided(plan: Plan, runs: Sequence[Run]) -> bool:
    return decided(
        runs,
        [one.model.id for one in plan.entries],
        inputs=plan.queries.inputs.id,
        threads=plan.threads,
        protocol=plan.described(),
    )


def _begin(threads: int) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"created": now, "environment": record_environment(threads)}


def _measure_memory(
    participants: Sequence[Participant], queries: Queries, journal: Journal, bar: Bar
) -> list[Memory]:
    found = []
    with bar("memory") as progress:
        for done, one in enumerate(participants, 1):
            work = partial(_plain_memory, one, queries)
            found.append(record(Memory, journal.recall(f"memory/{one.model}", work)))
            progress(done, len(participants))
    return found


def _plain_memory(one: Participant, queries: Queries) -> dict[str, Any]:
    return plain(measure_memory(one, queries))


def _compare(plan: Plan, journal: Journal, bar: Bar) -> list[Accuracy]:
    """Compare what models give with what their bundle's fp32 variant gives."""
    compared = [one for one in plan.entries if _has_fp32(one.bundle)]
    compared = [one for one in compared if one.peer or one.model.variant != "fp32"]
    answered: dict[Path, list[dict[str, Any]]] = {}
    found = []
    with bar("outputs") as progress:
        for done, one in enumerate(compared, 1):
            name = f"outputs/{one.model.id}"
            work = partial(_compared, one, plan, answered)
            found.append(record(Accuracy, journal.recall(name, work)))
            progress(done, len(compared))
    return found


def _has_fp32(bundle: Bundle) -> bool:
    one = bundle.manifest.variants.get("fp32")
    return one is not None and (bundle.path / one.file.path).is_file()


def _compared(one: Entry, plan: Plan, answered: dict[Path, list[dict[str, Any]]]) -> dict[str, Any]:
    path = one.bundle.path
    if path not in answered:
        reference = participant("fp32", path, "fp32", plan.threads)
        answered[path] = _outputs(reference, _as_read_by(one, plan))
    own = _outputs(one.participant, _as_read_by(one, plan))
    shared = set(answered[path][0]) & set(own[0])
    drift = compare_outputs([{k: row[k] for k in sorted(shared)} for row in answered[path]], own)
    texts = json.dumps(plan.queries.texts[: len(own)]).encode()
    return plain(
        Accuracy(
            one.model.id, OUTPUTS, hashlib.sha256(texts).hexdigest(), len(own), drift.to_dict()
        )
    )


def _as_read_by(one: Entry, plan: Plan) -> Queries:
    """Return the first queries with the token ids of a model's own tokenizer.

    The plan's are those of one bundle, whose vocabulary another need not have. What does not fit
    into one window of this model is left out.
    """
    if one.peer:
        return plan.queries
    encoder, found = open_encoder(one.bundle.path, variant=one.model.variant), plan.queries.inputs
    fitting = []
    for query in plan.queries.texts[:_COMPARED]:
        with suppress(InputError):
            make_queries(encoder, found.id, found.description, [query])
            fitting.append(query)
    return make_queries(encoder, found.id, found.description, fitting)


def _outputs(one: Participant, queries: Queries) -> list[dict[str, Any]]:
    """Return each query's outputs, name -> array."""
    with TemporaryDirectory() as folder, started([one]) as [worker]:
        queries.write(file := Path(folder, "queries.json"))
        worker.ask(queries=str(file))
        replies = [worker.ask(outputs=item) for item in range(len(queries.ids[:_COMPARED]))]
    return [{name: np.array(rows) for name, rows in reply.items()} for reply in replies]


def _score(plan: Plan, journal: Journal, bar: Bar) -> list[Accuracy]:
    """Score the files that were timed, where their weights were trained."""
    if plan.data is None:
        return []
    found = []
    for one in plan.entries:
        if one.model.trained and not one.peer:
            with bar(f"scoring {one.model.id}") as progress:
                work = partial(_scored, one, plan.data, plan.threads, progress)
                name = f"score/{one.model.id}"
                found.append(record(Accuracy, journal.recall(name, work)))
    return found


def _scored(
    one: Entry, data: Path, threads: int, progress: Callable[[int, int], None]
) -> Mapping[str, Any]:
    task = edge_distil.load(one.bundle.path, variant=one.model.variant, threads=threads)
    result = evaluate(task, data, progress=progress).to_dict()
    fields = {name: result[name] for name in ("data", "sha256", "count", "metrics")}
    return {"model": one.model.id, **fields}
