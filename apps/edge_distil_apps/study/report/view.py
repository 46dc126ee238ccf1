"""One device's measurements as the report asks for them; statistics are `edge_distil_bench`'s."""

from __future__ import annotations

from collections import Counter
from functools import cached_property, lru_cache

from edge_distil.errors import InputError
from edge_distil_apps.study.report.charts.rows import Style
from edge_distil_bench.records import (
    STAGES,
    TIMED,
    Accuracy,
    Measurements,
    Model,
    Run,
)
from edge_distil_bench.statistics.comparison import Comparison, compare
from edge_distil_bench.statistics.distribution import Distribution
from edge_distil_bench.statistics.summary import latency

BERT, DISTILBERT = "bert-base", "distilbert-base"
QUESTIONS, FULL_384, PADDED, UNPADDED, PAIRS = (
    "questions", "passage-384", "passage-padded", "passage-unpadded", "pairs",
)  # fmt: skip
FORWARD, END_TO_END = "forward", "total"

NAMES = {BERT: "BERT-base", DISTILBERT: "DistilBERT-base", "minilm-l6-squad": "MiniLM-L6-SQuAD"}
_COLOURS = {BERT: "c0", DISTILBERT: "c1", "minilm-l6-squad": "c2"}
_MORE_COLOURS = ("c3", "c4", "c5")


class View:
    """Measurements, which condition is the main one, and what is compared with what.

    Args:
        measurements: Of one device.

    Raises:
        InputError: Nothing was timed.
    """

    def __init__(self, measurements: Measurements) -> None:
        self.data = measurements
        self.device = measurements.device
        if not measurements.runs:
            raise InputError(
                f"the measurements of {self.device} hold no timed run, expected at least one: "
                "measure again"
            )
        self._described = lru_cache(maxsize=None)(self._describe)
        self._compared = lru_cache(maxsize=None)(self._compare_by_id)

    @cached_property
    def conditions(self) -> list[tuple[str, int]]:
        """Inputs and threads that were measured; the main one first."""
        counts = Counter((run.inputs, run.threads) for run in self.data.runs)
        most = max(threads for _, threads in counts)
        return sorted(
            counts, key=lambda c: (c[0] != QUESTIONS, c[1] != most, -counts[c], c[0], -c[1])
        )

    @property
    def inputs(self) -> str:
        """`Inputs.id` of the main condition."""
        return self.conditions[0][0]

    @property
    def threads(self) -> int:
        """Threads of the main condition."""
        return self.conditions[0][1]

    @cached_property
    def models(self) -> list[Model]:
        """Models that were timed, in the document's order."""
        timed = {run.model for run in self.data.runs}
        return [model for model in self.data.models if model.id in timed]

    @cached_property
    def reference(self) -> Model:
        """The model that all are compared with: BERT-base in fp32, else the first."""
        return self.find(BERT, "fp32") or self.models[0]

    def find(self, model: str, variant: str) -> Model | None:
        """Return a model by what its checkpoint is and its variant."""
        found = (m for m in self.models if (m.model, m.variant) == (model, variant))
        return next(found, None)

    def label(self, model: Model) -> str:
        """Return a name for people, unique in the report."""
        names = Counter(_label(one) for one in self.data.models)
        return _label(model) if names[_label(model)] < 2 else model.id

    def short(self, model: Model) -> str:
        """Return a name for within a figure, which is narrow on a phone."""
        label = self.label(model).replace("-base", "").replace("-L6-SQuAD", "")
        return label if len(label) <= 18 else f"{label[:17]}…"

    def style(self, model: Model) -> Style:
        """Return how a model is drawn: a colour a checkpoint, a square for all but fp32."""
        kinds = list(dict.fromkeys(one.model for one in self.data.models))
        if len(kinds) == 1:  # variants and engines of one checkpoint
            order = self.data.models.index(model)
            return Style(f"c{order % 6}", square=model.variant != "fp32")
        others = [kind for kind in kinds if kind not in _COLOURS]
        css = _COLOURS.get(model.model)
        if css is None:
            css = _MORE_COLOURS[others.index(model.model) % len(_MORE_COLOURS)]
        return Style(css, square=model.variant != "fp32")

    def runs(self, model: Model, inputs: str, threads: int) -> list[Run]:
        """Return the runs of a model's first copy under a condition, in order of process."""
        where = (model.id, 0, inputs, threads)
        found = [r for r in self.data.runs if (r.model, r.copy, r.inputs, r.threads) == where]
        return sorted(found, key=lambda run: run.process)

    def measured(self, inputs: str, threads: int) -> list[Model]:
        """Return the models that were timed under a condition."""
        return [model for model in self.models if self.runs(model, inputs, threads)]

    def latency(
        self,
        model: Model,
        inputs: str | None = None,
        threads: int | None = None,
        stage: str = FORWARD,
    ) -> Distribution | None:
        """Return a model's latencies, by default of the main condition; None if not measured."""
        return self._described(model.id, inputs or self.inputs, threads or self.threads, stage)

    def compare(
        self,
        model: Model,
        reference: Model | None = None,
        inputs: str | None = None,
        threads: int | None = None,
        stage: str = FORWARD,
    ) -> Comparison | None:
        """Compare two models, by default in the main condition; None if never side by side."""
        other, inputs, threads = (
            reference or self.reference,
            inputs or self.inputs,
            threads or self.threads,
        )
        if not self._side_by_side(model, other, inputs, threads):
            return None
        return self._compared(model.id, other.id, inputs, threads, stage)

    def _describe(self, model: str, inputs: str, threads: int, stage: str) -> Distribution | None:
        if stage == END_TO_END and not self._takes_text(model):
            return None
        try:
            return latency(self.data.runs, model, inputs=inputs, threads=threads, stage=stage)
        except InputError:
            return None

    def _compare_by_id(
        self, model: str, reference: str, inputs: str, threads: int, stage: str
    ) -> Comparison | None:
        if stage == END_TO_END and not (self._takes_text(model) and self._takes_text(reference)):
            return None
        runs = self.data.runs
        try:
            return compare(runs, model, reference, inputs=inputs, threads=threads, stage=stage)
        except InputError:
            return None

    def _takes_text(self, model: str) -> bool:
        """Whether a model's whole time holds all stages; peers may be given token ids."""
        return all(set(STAGES) <= set(r.stage_ns) for r in self.data.runs if r.model == model)

    def _side_by_side(self, model: Model, other: Model, inputs: str, threads: int) -> bool:
        """Whether the first processes of both were measured at the same time."""
        pairs = [self.runs(one, inputs, threads)[:1] for one in (model, other)]
        if model.id == other.id or not all(pairs):
            return False
        (start, end), (first, last) = ((run.start_ns[0], run.start_ns[-1]) for (run,) in pairs)
        return start < last and first < end

    @cached_property
    def band(self) -> float | None:
        """The A/A band of the main condition; None where no model ran beside itself."""
        found = (self.compare(model) for model in self.models)
        return next((c.band for c in found if c is not None), None)

    def accuracy(self, model: Model) -> list[Accuracy]:
        """Return the scores of a model's file."""
        return [one for one in self.data.accuracy if one.model == model.id]

    def mean_tokens(self, inputs: str) -> float | None:
        """Return the mean length of a list of queries."""
        found = [one for one in self.data.inputs if one.id == inputs]
        return sum(found[0].tokens) / len(found[0].tokens) if found else None

    def samples(self, model: Model, inputs: str | None = None) -> int:
        """Return how many timed samples a model has."""
        runs = self.runs(model, inputs or self.inputs, self.threads)
        return sum(run.phase.count(TIMED) for run in runs)


def _label(model: Model) -> str:
    name = NAMES.get(model.model, model.model)
    engine = model.engine.split()[0] if model.engine else "onnxruntime"
    peer = "" if engine == "onnxruntime" or engine in model.variant else f" {engine}"
    return f"{name} {model.variant}{peer}"
