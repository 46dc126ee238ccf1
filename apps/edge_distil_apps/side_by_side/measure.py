"""Everything that is measured of models side by side; what was interrupted goes on."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import edge_distil
from edge_distil._writing.journal import Journal
from edge_distil.bundle import Bundle
from edge_distil.evaluate import evaluate
from edge_distil.evaluate.drift import compare_outputs
from edge_distil_apps.side_by_side.contenders import Contender
from edge_distil_bench.cold_start import measure_cold_starts
from edge_distil_bench.environment import record_environment
from edge_distil_bench.measurements import Accuracy, Measurements, Memory, plain, record
from edge_distil_bench.memory import measure_memory
from edge_distil_bench.processes import Contestant, contestant, started
from edge_distil_bench.protocol import Effort, Protocol
from edge_distil_bench.queries import Queries
from edge_distil_bench.sampling import Workload, sample

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
# `Accuracy.data` of a comparison with what the bundle's fp32 variant gives for the same queries.
OUTPUTS = "outputs of fp32"
_COMPARED = 16  # queries whose outputs are compared


@dataclass(frozen=True)
class Plan:
    """What is measured.

    Attributes:
        contenders: The models; the first one runs beside itself, too.
        queries: What they answer.
        protocol: Its numbers.
        effort: How long.
        data: A labelled file that our models are scored on; ``None`` for none.
    """

    contenders: Sequence[Contender]
    queries: Queries
    protocol: Protocol
    effort: Effort
    data: Path | None

    @property
    def threads(self) -> int:
        """Threads of every engine."""
        return self.contenders[0].contestant.threads

    def key(self) -> dict[str, Any]:
        """Return what figures depend on: those of another key are not gone on with."""
        return {
            "models": [plain(one.model) for one in self.contenders],
            "commands": [one.contestant.command for one in self.contenders],
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
    contestants = [one.contestant for one in plan.contenders]
    beside_itself = replace(contestants[0], copy=1)
    workload = Workload(plan.queries, plan.effort)
    with bar("timing") as progress:
        runs, readings = sample(
            [*contestants, beside_itself], [workload], plan.protocol,
            journal=journal, group="side-by-side", progress=progress,
        )  # fmt: skip
    with bar("cold starts") as progress:
        cold_starts = measure_cold_starts(
            contestants, plan.queries, plan.protocol.cold_starts,
            journal=journal, progress=progress,
        )  # fmt: skip
    memory = _measure_memory(contestants, plan.queries, journal, bar)
    accuracy = [*_compare(plan, journal, bar), *scores]
    return Measurements(
        device=begun["environment"]["cpu"],
        created=begun["created"],
        protocol=plan.described(),
        environment=begun["environment"],
        models=tuple(one.model for one in plan.contenders),
        inputs=(plan.queries.inputs,),
        runs=tuple(runs),
        memory=tuple(memory),
        cold_starts=tuple(cold_starts),
        accuracy=tuple(accuracy),
        readings=tuple(readings),
    )


def _begin(threads: int) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"created": now, "environment": record_environment(threads)}


def _measure_memory(
    contestants: Sequence[Contestant], queries: Queries, journal: Journal, bar: Bar
) -> list[Memory]:
    found = []
    with bar("memory") as progress:
        for done, one in enumerate(contestants, 1):
            work = partial(_plain_memory, one, queries)
            found.append(record(Memory, journal.recall(f"memory/{one.model}", work)))
            progress(done, len(contestants))
    return found


def _plain_memory(one: Contestant, queries: Queries) -> dict[str, Any]:
    return plain(measure_memory(one, queries))


def _compare(plan: Plan, journal: Journal, bar: Bar) -> list[Accuracy]:
    """Compare what models give with what their bundle's fp32 variant gives."""
    compared = [one for one in plan.contenders if _has_fp32(one.bundle)]
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


def _compared(
    one: Contender, plan: Plan, answered: dict[Path, list[dict[str, Any]]]
) -> dict[str, Any]:
    path = one.bundle.path
    if path not in answered:
        reference = contestant("fp32", path, "fp32", plan.threads)
        answered[path] = _outputs(reference, plan.queries)
    own = _outputs(one.contestant, plan.queries)
    shared = set(answered[path][0]) & set(own[0])
    drift = compare_outputs([{k: row[k] for k in sorted(shared)} for row in answered[path]], own)
    texts = json.dumps(plan.queries.texts[: len(own)]).encode()
    return plain(
        Accuracy(one.model.id, OUTPUTS, hashlib.sha256(texts).hexdigest(), len(own), asdict(drift))
    )


def _outputs(one: Contestant, queries: Queries) -> list[dict[str, Any]]:
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
    for one in plan.contenders:
        if one.model.trained and not one.peer:
            with bar(f"scoring {one.model.id}") as progress:
                work = partial(_scored, one, plan.data, plan.threads, progress)
                name = f"score/{one.model.id}"
                found.append(record(Accuracy, journal.recall(name, work)))
    return found


def _scored(
    one: Contender, data: Path, threads: int, progress: Callable[[int, int], None]
) -> Mapping[str, Any]:
    task = edge_distil.load(one.bundle.path, variant=one.model.variant, threads=threads)
    result = evaluate(task, data, progress=progress).to_dict()
    fields = {name: result[name] for name in ("data", "sha256", "count", "metrics")}
    return {"model": one.model.id, **fields}
