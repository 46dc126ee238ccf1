"""Where the time goes: distributions, stages, padding, and time itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_distil_apps.study.report.charts.rows import Row, ridges, spans, stacks
from edge_distil_apps.study.report.content import Cell, Section, Table, figure
from edge_distil_apps.study.report.models import time_cell
from edge_distil_apps.study.report.numbers import (
    NONE,
    milliseconds,
    percent,
    plural,
    times,
)
from edge_distil_apps.study.report.view import END_TO_END, FORWARD, PADDED, UNPADDED, View
from edge_distil_bench.records import STAGES, Model
from edge_distil_bench.statistics.distribution import Distribution, Estimate
from edge_distil_bench.statistics.samples import timed

_STAGE_NAMES = {
    "tokenize": "tokenise", "features": "features", "forward": "forward", "decode": "decode",
}  # fmt: skip


def distribution_section(view: View) -> Section | None:
    """Return the distributions and the figures that describe them, for every condition."""
    rows = []
    for model in view.models:
        found = view.latency(model)
        if found is None:
            continue
        marks = [p.value for q in (50, 95, 99) if (p := found.percentiles[q]) is not None]
        row = Row(
            view.label(model), f"{milliseconds(found.median.value)} ms", view.style(model)
        )  # fmt: skip
        rows.append((row, _forward(view, model) * 1e3, [mark * 1e3 for mark in marks]))
    if not rows:
        return None
    title = f"Forward pass on “{view.inputs}”"
    drawn = figure(
        title,
        "How often each time was seen; logarithmic. Ticks: median, p95 and, from 1,000 samples, "
        "p99. The figure ends at 99.5 %; nothing is left out of the tables.",
        lambda width: ridges(rows, width, title=title, axis="ms"),
    )
    return Section("Distributions", figures=[drawn], tables=[_spread(view), _conditions(view)])


def _forward(view: View, model: Model) -> NDArray[np.float64]:
    runs = view.runs(model, view.inputs, view.threads)
    return np.concatenate([timed(run, FORWARD).seconds for run in runs])


def _spread(view: View) -> Table:
    rows: list[list[Cell | str]] = []
    for model in view.models:
        found = view.latency(model)
        if found is not None:
            share = Cell(percent(found.outliers / found.count), found.outliers)
            count = Cell(f"{found.count:,}", found.count)
            mad = Cell(milliseconds(found.mad), found.mad)
            mean = Cell(milliseconds(found.mean), found.mean)
            rows.append([view.label(model), count, mean, time_cell(found.median), mad, share])
    columns = ("model", "samples", "mean, ms", "median, ms", "MAD, ms", "outliers")
    return Table(f"“{view.inputs}”, {plural(view.threads, 'thread')}", columns, rows)


def _conditions(view: View) -> Table:
    rows: list[list[Cell | str]] = []
    for inputs, threads in view.conditions:
        for model in view.measured(inputs, threads):
            found = view.latency(model, inputs, threads)
            if found is not None:
                name = f"{view.label(model)}, {inputs}, {plural(threads, 'thread')}"
                rows.append([name, *_described(found)])
    columns = (
        "model, inputs, threads", "samples", "mean", "median", "95 %", "MAD", "p90", "p95", "p99",
        "outliers",
    )  # fmt: skip
    return Table("Every condition: forward pass, ms", columns, rows, folded=True)


def _described(found: Distribution) -> list[Cell | str]:
    median = found.median
    return [
        Cell(f"{found.count:,}", found.count),
        Cell(milliseconds(found.mean), found.mean),
        time_cell(median),
        f"{milliseconds(median.low)} … {milliseconds(median.high)}",
        Cell(milliseconds(found.mad), found.mad),
        *(time_cell(found.percentiles[q]) for q in (90, 95, 99)),
        Cell(str(found.outliers), found.outliers),
    ]


def stages_section(view: View) -> Section | None:
    """Return where the time of a query goes; None where stages were not timed apart."""
    found = {
        model.id: [view.latency(model, stage=stage) for stage in STAGES] for model in view.models
    }
    means = {
        model: [one.mean for one in stages if one is not None]
        for model, stages in found.items()
        if None not in stages
    }
    if not means:
        return None
    shown = [model for model in view.models if model.id in means]
    rows, rest = [], []
    for model in shown:
        parts = [mean * 1e3 for mean in means[model.id]]
        others = [p for p, stage in zip(parts, STAGES, strict=True) if stage != FORWARD]
        share = percent(1 - sum(others) / sum(parts))
        rows.append((Row(view.label(model), f"{share} forward", view.style(model)), parts))
        words = f"{milliseconds(sum(others) / 1e3)} ms"
        rest.append((Row(view.label(model), words, view.style(model)), others))
    names = [_STAGE_NAMES[stage] for stage in STAGES]
    kept = [i for i, stage in enumerate(STAGES) if stage != FORWARD]
    figures = [
        figure(
            "Stages of a query",
            "Means; the stages add up to the time end to end.",
            lambda width: stacks(rows, names, width, title="Stages of a query", axis="ms"),
        ),
        figure(
            "All but the forward pass",
            "The same, magnified.",
            lambda width: stacks(
                rest, [names[i] for i in kept], width,
                title="All but the forward pass", axis="ms", colours=kept,
            ),
        ),
    ]  # fmt: skip
    columns = ("model", *(f"{name}, ms" for name in names), "end to end, ms")
    cells: list[list[Cell | str]] = [
        [
            view.label(model),
            *(time_cell(one.median) if one else Cell(NONE) for one in found[model.id]),
            time_cell(_whole(view, model)),
        ]
        for model in shown
    ]
    table = Table("Medians of the stages", columns, cells)
    return Section("Where the time of a query goes", figures=figures, tables=[table])


def _whole(view: View, model: Model) -> Estimate | None:
    found = view.latency(model, stage=END_TO_END)
    return None if found is None else found.median


def padding_section(view: View) -> Section | None:
    """Return what padding to 384 tokens costs; None where it was not measured."""
    threads = max((t for i, t in view.conditions if i == PADDED), default=0)
    rows, cells = [], []
    for model in view.models:
        padded, plain = (view.latency(model, i, threads or None) for i in (PADDED, UNPADDED))
        if padded is None or plain is None:
            continue
        ratio = padded.median.value / plain.median.value
        row = Row(view.label(model), times(ratio), view.style(model))
        rows.append((row, padded.median.value * 1e3, plain.median.value * 1e3))
        name = view.label(model)
        cells.append(
            (name, time_cell(padded.median), time_cell(plain.median), Cell(times(ratio), ratio))
        )
    if not rows:
        return None
    tokens = round(view.mean_tokens(UNPADDED) or 0)
    title = "The same passage, padded and not"
    drawn = figure(
        title,
        f"Hollow: padded to 384 tokens; filled: its own {tokens} tokens.",
        lambda width: spans(rows, width, title=title, axis="forward pass, median, ms"),
    )
    text = [
        f"A build for a fixed length computes 384 positions for a text of {tokens} tokens. "
        "The answers are the same; the time is not."
    ]
    columns = ("model", "padded to 384, ms", f"{tokens} tokens, ms", "padded / unpadded")
    return Section(
        "384 tokens, padded against unpadded", text, [drawn], [Table("Padding", columns, cells)]
    )
