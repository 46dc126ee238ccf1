"""`run_frontier`: students trained, exported, measured; one chosen; all of it drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_distil._writing import storage
from edge_distil._writing.journal import Journal
from edge_distil._writing.temporary import temporaries_in
from edge_distil.bundle import Bundle
from edge_distil.errors import InputError
from edge_distil_apps.frontier.folder import FrontierFolder
from edge_distil_apps.frontier.making import VARIANTS, Watch, make_bundles, train_students
from edge_distil_apps.frontier.points import Limits, Point, choose, points
from edge_distil_apps.frontier.queries import evaluated_queries
from edge_distil_apps.frontier.request import Request
from edge_distil_bench.protocol.design import Effort, Protocol
from edge_distil_bench.records import Measurements, write_measurements
from edge_distil_bench.side_by_side.entries import find_entries
from edge_distil_bench.side_by_side.measure import Bar, Plan, measure

_USUAL = Protocol("frontier", processes=5, warmup_seconds=1.0, cold_starts=3, sequential=True)
_EFFORT, _SECONDS = Effort(128), 30.0  # the second: at most, a model
_QUICK = Protocol(
    "quick frontier", processes=2, warmup_runs=2, warmup_seconds=0.1, turn=4, cold_starts=1
)
_QUICK_EFFORT = Effort(16)


@dataclass(frozen=True)
class Frontier:
    """What a frontier shows.

    Attributes:
        points: Every file that was measured, the teacher's first.
        chosen: The one to ship; ``None`` where none keeps the limits.
        verdict: Why, in a sentence.
        measurements: The raw samples.
        teacher: Its name.
        limits: What the chosen one must keep.
    """

    points: Sequence[Point]
    chosen: Point | None
    verdict: str
    measurements: Measurements
    teacher: str
    limits: Limits

    def to_dict(self) -> dict[str, Any]:
        """Return all but the samples, ready for JSON."""
        return {
            "verdict": self.verdict,
            "ship": asdict(self.chosen) if self.chosen else None,
            "teacher": self.teacher,
            "limits": asdict(self.limits),
            "device": self.measurements.device,
            "points": [asdict(point) for point in self.points],
        }


def run_frontier(
    request: Request,
    output: Path,
    limits: Limits,
    *,
    say: Callable[[str], None],
    watch: Watch,
    bar: Bar,
) -> Frontier:
    """Train, export, measure and choose; what an interrupted call made is gone on with.

    Args:
        request: What is asked.
        output: The folder of all that is made.
        limits: What the chosen student must keep.
        say: Hears one line at the start of every stage.
        watch: Shows a training's progress.
        bar: Shows a labelled progress bar.

    Raises:
        EdgeDistilError: A stage failed; what was made before is kept.
        InputError: `output` holds another frontier.
    """
    folder = FrontierFolder(output)
    origin = request.origin()
    with folder.held(request.key()):
        train_students(request, folder, say, watch)
        bundles = make_bundles(request, origin, folder, say)
        measurements = _measure(request, bundles, folder, bar)
        write_measurements(measurements, folder.measurements)
        found = _conclude(measurements, bundles, origin.name, limits)
        with storage.atomic_file(folder.document) as temporary:
            text = json.dumps(found.to_dict(), indent=2, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")
    return found


def _measure(
    request: Request, bundles: Sequence[Bundle], folder: FrontierFolder, bar: Bar
) -> Measurements:
    paths = [bundle.path for bundle in bundles]
    entries = find_entries(paths, VARIANTS, threads=request.threads, trained=True)
    # Students read no more tokens than the teacher, and with a cut vocabulary need more of them.
    queries = evaluated_queries(bundles[-1], VARIANTS[0], request.evaluate)
    protocol, effort = (_QUICK, _QUICK_EFFORT) if request.quick else (_USUAL, _EFFORT)
    plan = Plan(entries, queries, protocol, effort, request.evaluate, _SECONDS * len(entries))
    with temporaries_in(folder.journal.with_suffix(".tmp")):
        return measure(plan, Journal(folder.journal, plan.key()), bar)


def _conclude(
    measurements: Measurements, bundles: Sequence[Bundle], teacher: str, limits: Limits
) -> Frontier:
    layers = {bundle.path.name: _layers(bundle) for bundle in bundles}
    found = points(measurements, layers)
    try:
        chosen, verdict = choose(found, limits)
    except InputError as none:
        return Frontier(found, None, str(none), measurements, teacher, limits)
    return Frontier(found, chosen, verdict, measurements, teacher, limits)


def _layers(bundle: Bundle) -> int:
    """Return how many layers a bundle's configuration names."""
    config = json.loads((bundle.path / "config.json").read_text(encoding="utf-8"))
    named = ("num_hidden_layers", "n_layers", "num_layers")
    return next((int(config[name]) for name in named if isinstance(config.get(name), int)), 0)
