"""Memory, cold start, checks of the clock, the machine, the protocol, and what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge_distil.bench.measurements import Check, Measurements
from edge_distil.bench.summary import cold_start_parts
from edge_distil_apps.study.report.content import Cell, Figure, Section, Table, figure
from edge_distil_apps.study.report.models import cold_start_of, memory_of
from edge_distil_apps.study.report.rows import Row, stacks
from edge_distil_apps.study.report.view import View
from edge_distil_apps.study.report.words import (
    NONE,
    megabytes,
    milliseconds,
    number,
    plural,
    seconds_in_words,
)

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
            str(check.count),
        )
        for check in view.data.checks
    ]
    columns = ("check", "model", "ours, ms", "theirs, ms", "difference", "queries")
    table = Table("Checks", columns, rows)
    text = ["Bars: reading the clock costs less than 0.5 %; others agree within 3 %."]
    return Section("Is the clock right?", text, (), [table]) if rows else None


def _difference(check: Check) -> Cell:
    if check.name == "timer":
        share = check.theirs_ns / check.ours_ns
        return Cell(f"{share * 100:.3f} %", share)
    share = check.ours_ns / check.theirs_ns - 1
    return Cell(f"{share * 100:+.1f} %", share)


def machine_section(data: Measurements) -> Section:
    """Return everything that was recorded about the machine, and the inputs."""
    rows = [(_spaced(name), _value(name, value)) for name, value in data.environment.items()]
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
            _value("", m.options),
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
        f"Again: edge-distil study {again}-o DIR. From these samples: edge-distil study --merge "
        "measurements.json -o DIR. The raw samples, warm-up included, are in measurements.json.",
        *p.get("notes", ()),
        *_limits_of(data),
    ]
    return Section("How it was measured, and what it does not say", text, (), tables, notes)


def _numbers(protocol: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every number of the protocol; what groups several gets a row for each."""
    for name, value in protocol.items():
        if isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values()):
            for inner, number in value.items():
                yield f"{_spaced(name)}: {inner}", _value(inner, number)
        elif name != "notes":
            yield _spaced(name), _value(name, value)


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


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _value(name: str, value: Any) -> str:
    """Write a recorded value.

    >>> _value("memory_bytes", 8_000_000_000), _value("", None), _value("", {"a": 1, "b": [2, 3]})
    ('8,000 MB', 'not readable here', 'a 1; b 2, 3')
    """
    if value is None:
        return "not readable here"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{_spaced(k)} {_value(k, v)}" for k, v in value.items()) or NONE
    if isinstance(value, (list, tuple)):
        return ", ".join(_value("", one) for one in value) or "none"
    if name.endswith("bytes") and isinstance(value, int):
        return megabytes(value)
    return number(value) if isinstance(value, float) else str(value)
