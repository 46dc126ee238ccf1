"""Memory, cold start, checks of the clock, and the machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_distil_apps.study.report.charts.rows import Row, stacks
from edge_distil_apps.study.report.content import Cell, Figure, Section, Table, figure
from edge_distil_apps.study.report.models import cold_start_of, memory_of
from edge_distil_apps.study.report.numbers import (
    NONE,
    megabytes,
    milliseconds,
    number,
    seconds_in_words,
)
from edge_distil_apps.study.report.view import View
from edge_distil_bench.records import Check, Measurements
from edge_distil_bench.statistics.summary import cold_start_parts

_BARS, _BAR = {"timer": 0.005}, 0.03
_CHECKS = {
    "timer": "reading the clock, against the smallest latency",
    "profiler": "forward pass, against onnxruntime's profiler",
    "process": "a query, against whole processes timed from outside",
}


def start_section(view: View) -> Section | None:
    """Return memory and cold start; None where neither was measured."""
    found = (_memory(view), _cold_starts(view))
    figures = [one for one in found if one is not None]
    tables = [one for one in (_memory_table(view), _cold_table(view)) if one is not None]
    return Section("Memory and cold start", (), figures, tables) if figures else None


def _memory(view: View) -> Figure | None:
    rows = []
    for model in view.models:
        one = memory_of(view, model)
        if one is None or one.baseline is None or one.loaded is None or one.peak is None:
            continue
        steps = (one.baseline, one.loaded - one.baseline, max(one.peak - one.loaded, 0))
        row = Row(view.label(model), megabytes(one.peak), view.style(model))
        rows.append((row, [step / 1e6 for step in steps]))
    if not rows:
        return None
    title, parts = "Resident memory", ("interpreter", "loading", "answering, at its peak")
    return figure(
        title,
        "An untimed fresh process for each model.",
        lambda width: stacks(rows, parts, width, title=title, axis="MB"),
    )


def _cold_starts(view: View) -> Figure | None:
    rows = []
    for model in view.models:
        parts = _parts(view, model.id)
        if parts:
            total = cold_start_of(view, model) or 0.0
            row = Row(view.label(model), seconds_in_words(total), view.style(model))
            rows.append((row, [parts[name] * 1e3 for name in ("import", "session", "first")]))
    if not rows:
        return None
    title, names = "Cold start: to the first answer", ("import", "open session", "first answer")
    return figure(
        title,
        "Medians over fresh processes; the figure at the right is the median of the sum.",
        lambda width: stacks(rows, names, width, title=title, axis="ms"),
    )


def _parts(view: View, model: str) -> dict[str, float]:
    found = [one for one in view.data.cold_starts if one.model == model and one.import_ns]
    return cold_start_parts(view.data, model, threads=found[0].threads) if found else {}


def _memory_table(view: View) -> Table | None:
    rows: list[list[Cell | str]] = []
    for model in view.models:
        one = memory_of(view, model)
        if one is not None:
            sizes = (one.baseline, one.loaded, one.answered, one.peak)
            rows.append([view.label(model), *(Cell(megabytes(size), size) for size in sizes)])
    columns = ("model", "interpreter", "loaded", "after the first answer", "peak")
    return Table("Resident memory", columns, rows, folded=True) if rows else None


def _cold_table(view: View) -> Table | None:
    rows: list[list[Cell | str]] = []
    for model in view.models:
        found = [one for one in view.data.cold_starts if one.model == model.id and one.import_ns]
        if found:
            names = ("import", "session", "first", "process")
            parts = _parts(view, model.id)
            count = len(found[0].import_ns)
            figures = (Cell(milliseconds(parts[name]), parts[name]) for name in names)
            rows.append([view.label(model), Cell(str(count), count), *figures])
    columns = ("model", "processes", "import", "open session", "first answer", "whole process")
    return Table("Cold start, medians in ms", columns, rows, folded=True) if rows else None


def checks_section(view: View) -> Section | None:
    """Return our clock beside other ones; None where it was not checked."""
    names = {model.id: view.label(model) for model in view.data.models}
    rows = [
        (
            _CHECKS.get(check.name, check.name),
            names.get(check.model, check.model),
            milliseconds(check.ours_ns / 1e9),
            milliseconds(check.theirs_ns / 1e9),
            _difference(check),
            "yes" if abs(_share(check)) < _BARS.get(check.name, _BAR) else "no",
            str(check.count),
        )
        for check in view.data.checks
    ]
    columns = (
        "check",
        "model",
        "ours, ms",
        "theirs, ms",
        "difference",
        "within the bar?",
        "queries",
    )
    table = Table("Checks", columns, rows)
    text = ["Bars: reading the clock costs less than 0.5 %; others agree within 3 %."]
    return Section("Is the clock right?", text, (), [table]) if rows else None


def _difference(check: Check) -> Cell:
    share = _share(check)
    words = f"{share * 100:.3f} %" if check.name == "timer" else f"{share * 100:+.1f} %"
    return Cell(words, share)


def _share(check: Check) -> float:
    """Return what the clock costs as a share, or by how much the two clocks differ."""
    if check.name == "timer":
        return check.theirs_ns / check.ours_ns
    return check.ours_ns / check.theirs_ns - 1


def machine_section(data: Measurements) -> Section:
    """Return everything that was recorded about the machine, and the inputs."""
    rows = [(spaced(name), recorded(name, value)) for name, value in data.environment.items()]
    rows += [(name, text) for name, text in _sensors(data)]
    tables = [Table("Machine and software", ("what", "value"), rows, wraps=True)]
    inputs = [
        (
            one.id, one.description, Cell(f"{len(one.tokens):,}", len(one.tokens)),
            f"{min(one.tokens)} … {max(one.tokens)}" if one.tokens else NONE,
            str(one.padded_to or NONE),
        )
        for one in data.inputs
    ]  # fmt: skip
    if inputs:
        columns = ("inputs", "what", "queries", "tokens", "padded to")
        tables.append(Table("Inputs", columns, inputs, wraps=True))
    files = [
        (
            m.id,
            m.engine,
            str(m.sha256 or NONE)[:16],
            str(m.tokenizer_sha256 or NONE)[:16],
            recorded("", m.options),
        )
        for m in data.models
    ]
    columns = ("model", "engine", "file, SHA-256", "tokenizer, SHA-256", "options")
    tables.append(Table("Files", columns, files, wraps=True, folded=True))
    reason = data.environment.get("loaded_reason")
    text = [f"The machine was loaded: {reason}. Ratios suffer less than times."] if reason else []
    return Section("The machine", text, (), tables)


def _hash(sha256: str | None) -> str:
    return NONE if sha256 is None else sha256[:16]


def _sensors(data: Measurements) -> Iterator[tuple[str, str]]:
    for field, unit in (("megahertz", "MHz"), ("celsius", "°C"), ("load", "")):
        values = [v for one in data.readings if (v := getattr(one, field)) is not None]
        if values:
            words = f"{number(min(values))} … {number(max(values))} {unit}".strip()
            yield f"{field} while measuring", words
    joules = [one.joules for one in data.readings if one.joules is not None]
    spent = f"{joules[-1] - joules[0]:,.0f} J over the measurement" if len(joules) > 1 else None
    yield "energy", spent or "not measured: this machine gives no counter to read"


def spaced(name: str) -> str:
    """Return a field's name as words."""
    return name.replace("_", " ")


def recorded(name: str, value: Any) -> str:
    """Write a recorded value.

    >>> recorded("memory_bytes", 8_000_000_000), recorded("governor", None)
    ('8,000 MB', 'not readable here')
    >>> recorded("effort", {"queries": 128, "seconds": [2, 3]})
    'queries 128; seconds 2, 3'
    """
    if value is None:
        return "not readable here"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{spaced(k)} {recorded(k, v)}" for k, v in value.items()) or NONE
    if isinstance(value, (list, tuple)):
        return ", ".join(recorded("", one) for one in value) or "none"
    if name.endswith("bytes") and isinstance(value, int):
        return megabytes(value)
    return number(value) if isinstance(value, float) else str(value)
