"""The steps of a study, in order; each goes on where the journal ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

import edge_distil
from edge_distil._writing.journal import Journal
from edge_distil.evaluate import evaluate
from edge_distil_apps.shipped import PASSAGES
from edge_distil_apps.study.inputs import QUESTIONS
from edge_distil_apps.study.models import Made
from edge_distil_apps.study.plan import COPIED, CURVE_TOKENS, LENGTHS, PROBE, Group, Plan, estimate
from edge_distil_apps.study.progress import Count, Progress
from edge_distil_bench.costs.cold_start import measure_cold_starts
from edge_distil_bench.costs.curves import measure_curves
from edge_distil_bench.costs.memory import measure_memory
from edge_distil_bench.machine.peak_rate import measure_peak_rates
from edge_distil_bench.protocol.clock_checks import check_process, check_profiler, check_timer
from edge_distil_bench.protocol.processes import Participant, participant
from edge_distil_bench.protocol.queries import Queries
from edge_distil_bench.protocol.sampling import Workload, sample
from edge_distil_bench.records import Accuracy, Check, Memory, plain, record

_R = TypeVar("_R")
_Work = Callable[[Count], None]


@dataclass
class Steps:
    """Carries out a plan.

    Attributes:
        plan: What is measured.
        models: On what.
        inputs: `Inputs.id` -> queries.
        journal: Keeps every figure as soon as it is known.
        progress: Is told of it.
        squad: Questions to score on, in place of the own-written ones.
    """

    plan: Plan
    models: Sequence[Made]
    inputs: Mapping[str, Queries]
    journal: Journal
    progress: Progress
    squad: Path | None
    _found: dict[str, list[Any]] = field(default_factory=dict)

    def measure(self) -> dict[str, tuple[Any, ...]]:
        """Measure everything.

        Returns:
            The fields of `Measurements` that hold records of what was measured.

        Raises:
            BenchmarkError: A process cannot go on; what was measured before is kept.
        """
        self._announce()
        steps = self._steps()
        for number, (title, work) in enumerate(steps, 1):
            with self.progress.step(number, len(steps), title) as count:
                work(count)
        return {name: tuple(records) for name, records in self._found.items()}

    def _steps(self) -> list[tuple[str, _Work]]:
        groups = [g for g in self.plan.groups if self._participants(g.models, g.threads)]
        return [
            ("peak matrix-multiply rate", self._peak_rates),
            *((_title(group), partial(self._sample, group)) for group in groups),
            ("latency over length, batch and threads", self._curves),
            ("memory", self._memory),
            ("cold start", self._cold_starts),
            ("our clock against others", self._checks),
            ("accuracy", self._accuracy),
        ]

    def _add(self, name: str, records: Sequence[Any]) -> None:
        self._found.setdefault(name, []).extend(records)

    def _participants(
        self, models: Sequence[str] | None = None, threads: int | None = None
    ) -> list[Participant]:
        """Return every variant of some models, by default of all and on all threads."""
        return [
            participant(f"{one.name}/{variant}", one.bundle.path, variant, threads or self._threads)
            for one in self.models
            if models is None or one.name in models
            for variant in one.variants
        ]

    @property
    def _threads(self) -> int:
        return max(self.plan.threads)

    def _announce(self) -> None:
        """Say how long it takes, from a few passes of each model."""
        shapes = [("length", tokens, 1) for tokens in PROBE]
        probe = measure_curves(
            self._participants(), shapes, passes=2, seconds=1, journal=self.journal, group="probe"
        )
        tokens = {name: fmean(queries.inputs.tokens) for name, queries in self.inputs.items()}
        models = {f"{one.name}/{v}": one.name for one in self.models for v in one.variants}
        minutes = estimate(self.plan, probe, tokens, models) / 60
        self.progress.say(
            f"{self.plan.protocol.name} protocol: about {max(1, round(minutes))} minutes in all; "
            "interrupt at any time, the same command goes on"
        )

    def _peak_rates(self, count: Count) -> None:
        seconds = self.plan.peak_rates
        found = measure_peak_rates(
            self.plan.threads, journal=self.journal, seconds=seconds, progress=count
        )
        self._add("peak_rates", found)

    def _sample(self, group: Group, count: Count) -> None:
        participants = self._participants(group.models, group.threads)
        if group.copied:
            [first] = [one for one in participants if one.model == COPIED]
            participants.append(replace(first, copy=1))
        runs, readings = sample(
            participants,
            [Workload(self.inputs[name], effort) for name, effort in group.efforts.items()],
            replace(self.plan.protocol, lead=group.lead),
            journal=self.journal,
            group=group.name,
            progress=count,
        )
        self._add("runs", runs)
        self._add("readings", readings)

    def _curves(self, count: Count) -> None:
        """All lengths and batches on all threads, then one shape on fewer."""
        curves = self.plan.curves
        longest = min(one.bundle.manifest.max_length for one in self.models)
        shapes = [("length", tokens, 1) for tokens in LENGTHS if tokens <= longest]
        shapes += [("batch", CURVE_TOKENS, batch) for batch in curves.batches]
        for threads in reversed(self.plan.threads):
            points = measure_curves(
                self._participants(threads=threads),
                [*shapes, ("threads", CURVE_TOKENS, 1)],
                passes=curves.passes,
                seconds=curves.seconds,
                journal=self.journal,
                group=f"curves-{threads}",
                progress=count,
            )
            self._add("curves", points)
            shapes = []

    def _memory(self, count: Count) -> None:
        participants = self._participants()
        for done, one in enumerate(participants, 1):
            measure = partial(measure_memory, one, self.inputs[QUESTIONS])
            self._add("memory", [self._recall(f"memory/{one.model}", Memory, measure)])
            count(done, len(participants))

    def _cold_starts(self, count: Count) -> None:
        found = measure_cold_starts(
            self._participants(),
            self.inputs[QUESTIONS],
            self.plan.protocol.cold_starts,
            journal=self.journal,
            progress=count,
        )
        self._add("cold_starts", found)

    def _checks(self, count: Count) -> None:
        """Check one model: the clock is the same for all."""
        model, variant = COPIED.split("/")
        [bundle] = [one.bundle.path for one in self.models if one.name == model]
        place = (COPIED, bundle, variant, self.inputs[QUESTIONS], self._threads)
        effort = self.plan.checks
        checks: dict[str, Callable[[], Check]] = {
            "timer": lambda: check_timer(self._found["runs"]),
            "profiler": lambda: check_profiler(*place, count=effort.queries),
            "process": lambda: check_process(
                *place, seconds=effort.seconds, repetitions=effort.repetitions
            ),
        }
        for done, (name, check) in enumerate(checks.items(), 1):
            self._add("checks", [self._recall(f"check/{name}", Check, check)])
            count(done, len(checks))

    def _accuracy(self, count: Count) -> None:
        """Score the files that were timed, where their weights were trained."""
        trained = [(one, v) for one in self.models if one.provenance.trained for v in one.variants]
        for done, (one, variant) in enumerate(trained, 1):
            name = f"{one.name}/{variant}"
            score = partial(self._score, one, variant)
            self._add("accuracy", [self._recall(f"accuracy/{name}", Accuracy, score)])
            count(done, len(trained))

    def _score(self, one: Made, variant: str) -> Accuracy:
        task = edge_distil.load(one.bundle.path, variant=variant, threads=self._threads)
        found = evaluate(task, self.squad or PASSAGES, limit=self.plan.scored)
        first = f", the first {found.count}" if found.count == self.plan.scored else ""
        return Accuracy(
            model=f"{one.name}/{variant}",
            data=f"{found.data}{first}" if self.squad else "own-written passages",
            sha256=found.sha256,
            count=found.count,
            metrics=found.metrics,
        )

    def _recall(self, name: str, kind: type[_R], measure: Callable[[], _R]) -> _R:
        """Return the record that the journal holds, measuring it where it holds none."""
        return record(kind, self.journal.recall(name, lambda: plain(measure())))


def _title(group: Group) -> str:
    threads = "1 thread" if group.threads == 1 else f"{group.threads} threads"
    return f"{' and '.join(group.models)}, {threads}"
