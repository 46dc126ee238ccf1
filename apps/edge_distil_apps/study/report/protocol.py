"""How it was measured, with every number that ran, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_distil_apps.study.report.content import Section, Table
from edge_distil_apps.study.report.machine import recorded, spaced
from edge_distil_apps.study.report.numbers import plural
from edge_distil_bench.records import Measurements


def protocol_section(data: Measurements) -> Section:
    """Return how it was measured, with every number that ran, and what is not known."""
    p = data.protocol
    processes, turn = p.get("processes"), p.get("turn")
    text = [
        "Each model ran in fresh processes of its own, warmed up, and then answered the same "
        "queries in randomised ABBA blocks: all models in a drawn order, then in the opposite "
        "order. A ratio is the median of the blocks' log ratios; its 95 % interval is a bootstrap "
        "over blocks nested in processes. A model also ran against itself (A/A): a difference is "
        "claimed only where the interval excludes 1 and the ratio lies outside the A/A band.",
        "Warm-up runs and the first query of each turn are in the raw data and in no figure. "
        "Outliers are counted and never dropped. Stages are timed inside the real task object "
        "with a monotonic nanosecond clock.",
    ]
    if processes and turn:
        text.append(f"Here: {plural(processes, 'process')}, turns of {plural(turn, 'query')}.")
    rows = list(_numbers(p))
    tables = [
        Table("Numbers of the protocol, as it ran", ("what", "value"), rows, True, folded=True)
    ]
    again = "--quick " if p.get("name") == "quick" else ""
    notes = [
        f"To repeat it: edge-distil study {again}-o DIR; in a folder that holds a finished study, "
        "only the report is made again. Several devices: edge-distil study --merge A.json B.json "
        "-o DIR. The raw samples, warm-up included, are in measurements.json.",
        *p.get("notes", ()),
        *_limits_of(data),
    ]
    return Section("How it was measured, and what it does not say", text, (), tables, notes)


def _numbers(protocol: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every number of the protocol; what groups several gets a row for each."""
    for name, value in protocol.items():
        if isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values()):
            for inner, number in value.items():
                yield f"{spaced(name)}: {inner}", recorded(inner, number)
        elif name != "notes":
            yield spaced(name), recorded(name, value)


def _limits_of(data: Measurements) -> Iterator[str]:
    yield (
        "One device, one runtime release, batch 1 unless said otherwise. Times of another "
        "processor need its own measurement; ratios travel better, and not exactly."
    )
    if not all(model.trained for model in data.models):
        yield "Random weights give times and sizes; whether their answers are right is no question."
    if not any(one.joules is not None for one in data.readings):
        yield "Energy was not measured."
    if data.protocol.get("name") == "quick":
        yield "The quick protocol has fewer samples and processes than the full one."
