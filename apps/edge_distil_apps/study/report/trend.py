"""Did the machine slow down while it was measured? Samples over time, and their trend."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edge_distil_apps.study.report.charts.rows import Row, Strip, strips
from edge_distil_apps.study.report.content import Cell, Section, Table, figure
from edge_distil_apps.study.report.numbers import percent, plural, seconds_in_words
from edge_distil_apps.study.report.view import FORWARD, View
from edge_distil_bench.records import Model, Run
from edge_distil_bench.statistics.samples import timed
from edge_distil_bench.statistics.trend import FLAGGED_ABOVE, Trend, find_trend

_DOTS = 300  # of each model, drawn evenly from all samples


class _Course(NamedTuple):
    """A model's runs in the main condition, in order, and their drifts."""

    model: Model
    runs: list[Run]
    drifts: list[Trend]


def trend_section(view: View) -> Section | None:
    """Return samples over time, with what was flagged, under the main condition."""
    tokens = next((one.tokens for one in view.data.inputs if one.id == view.inputs), None)
    courses = []
    for model in view.measured(view.inputs, view.threads):
        runs = view.runs(model, view.inputs, view.threads)
        courses.append(_Course(model, runs, [find_trend(run, tokens=tokens) for run in runs]))
    if not courses:
        return None
    drawn = [_strip(view, course) for course in courses]
    flagged = sum(drift.flagged for course in courses for drift in course.drifts)
    every = sum(len(course.drifts) for course in courses)
    title = "Forward times over the measurement"
    words = "No process" if not flagged else f"{flagged} of {plural(every, 'process')}"
    note = (
        "Each dot: a query, over the median of the same query; a strip reaches from 0.8 to 1.2. "
        "Lines: the trend in each process, thick where flagged. Time between processes is cut."
    )
    shown = figure(
        title, note, lambda width: strips(drawn, width, title=title, axis="measuring time, minutes")
    )
    columns = ("model", *(f"process {i + 1}" for i in range(max(len(c.runs) for c in courses))))
    rows: list[list[Cell | str]] = [[view.label(c.model), *map(_change, c.drifts)] for c in courses]
    bar = percent(FLAGGED_ABOVE, 0)
    text = [f"{words} slowed down or sped up by more than {bar}, last fifth against first."]
    table = Table("Last fifth against first", columns, rows)
    return Section("Trend over time", text, [shown], [table])


def _change(drift: Trend) -> Cell:
    flag = " flagged" if drift.flagged else ""
    return Cell(f"{drift.change * 100:+.1f} %{flag}", drift.change)


def _strip(view: View, course: _Course) -> Strip:
    """Lay the processes one after the other, and divide each time by its query's median."""
    samples = [timed(run, FORWARD) for run in course.runs]
    items = np.concatenate([one.item for one in samples])
    seconds = np.concatenate([one.seconds for one in samples])
    usual = {item: np.median(seconds[items == item]) for item in np.unique(items)}
    points, breaks, trend, at = [], [], [], 0.0
    for one, drift in zip(samples, course.drifts, strict=True):
        minutes = at + (one.start - one.start[0]) / 60
        relative = one.seconds / [usual[item] for item in one.item]
        points += list(zip(minutes.tolist(), relative.tolist(), strict=True))
        half = drift.change / 2
        trend.append(((minutes[0], 1 - half), (minutes[-1], 1 + half)))
        at = float(minutes[-1]) + 0.02
        breaks.append(at)
    kept = np.linspace(0, len(points) - 1, min(_DOTS, len(points))).astype(int)
    spent = seconds_in_words(float(seconds.sum()))
    row = Row(
        view.label(course.model), f"{len(points):,} samples, {spent}", view.style(course.model)
    )
    return Strip(
        row, [points[i] for i in kept], breaks[:-1], trend, [d.flagged for d in course.drifts]
    )
