"""The models beside each other: the answer, the table, the ratios, and the frontier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_distil.errors import InputError
from edge_distil_apps.study.report.content import Cell, Section, Table, Tile
from edge_distil_apps.study.report.numbers import (
    NONE,
    megabytes,
    millions,
    milliseconds,
    percent,
    plural,
    scores,
    seconds_in_words,
    times,
    times_with_interval,
    within,
)
from edge_distil_apps.study.report.overview import frontier_figure, ratios_figure
from edge_distil_apps.study.report.view import BERT, DISTILBERT, END_TO_END, View
from edge_distil_bench.records import Memory, Model
from edge_distil_bench.statistics.distribution import Distribution, Estimate
from edge_distil_bench.statistics.summary import first_answer, memory, share_of_peak

UNTRAINED = "random weights: no accuracy"


def title(views: Sequence[View]) -> str:
    """Return the report's title."""
    where = f"{len(views)} devices" if len(views) > 1 else views[0].device
    paper = all(view.find(BERT, "fp32") and view.find(DISTILBERT, "fp32") for view in views)
    what = "DistilBERT against BERT-base" if paper else "Models beside each other"
    return f"{what} on {where}"


def answer(view: View) -> str:
    """Return the study's result on a device in a sentence or two."""
    bert, small = view.find(BERT, "fp32"), view.find(DISTILBERT, "fp32")
    found = view.compare(small, bert) if bert and small else None
    if not (bert and small and found):
        return _plain_answer(view)
    words = [f"DistilBERT-base {_faster(found.ratio, found.claimed)} BERT-base in fp32"]
    if found.claimed:
        words.append(f": {percent(found.reduction)} less time for a forward pass")
    words.append(f", at {percent(small.size_beside(bert), 0)} of the size")
    sentence = "".join(words) + "."
    int8 = view.find(DISTILBERT, "int8")
    against = view.compare(int8, bert) if int8 else None
    if int8 and against:
        sentence += (
            f" In int8 it is {times_with_interval(against.ratio)} as fast as BERT-base in fp32, "
            f"in {megabytes(int8.bytes)} instead of {megabytes(bert.bytes)}."
        )
    return sentence


def _plain_answer(view: View) -> str:
    """Return the fastest model's ratio to the reference, or its time where there is but one."""
    found = [(c, m) for m in view.models if (c := view.compare(m)) is not None]
    if not found:
        median = _median(view.latency(view.reference))
        return f"{view.label(view.reference)}: {milliseconds(median)} ms for a forward pass."
    best, model = max(found, key=lambda pair: pair[0].ratio.value)
    size = percent(model.size_beside(view.reference), 0)
    return (
        f"{view.label(model)} {_faster(best.ratio, best.claimed)} {view.label(view.reference)}, "
        f"at {size} of the size."
    )


def _faster(ratio: Estimate, claimed: bool) -> str:
    if not claimed:
        return f"cannot be told apart ({times_with_interval(ratio)}) from"
    return f"is {times_with_interval(ratio)} as fast as"


def tiles(view: View) -> Iterator[Tile]:
    """Yield the figures in large type."""
    reference = view.reference
    for model in view.models:
        found = view.compare(model)
        other = model.model != reference.model or not view.find(DISTILBERT, "fp32")
        if found is not None and other and len(view.models) < 9:
            words = f"as fast as {view.label(reference)}: {view.label(model)}, forward"
            yield Tile(times(found.ratio.value), words)
    small = view.find(DISTILBERT, "fp32")
    if small and small.parameters and reference.parameters and small is not reference:
        figures = f"{millions(small.parameters)} / {millions(reference.parameters)}"
        yield Tile(figures, f"parameters, {view.label(small)} / {view.label(reference)}")
    if view.band is not None:
        yield Tile(within(view.band), "A/A band: smaller differences are not claimed")


def models_section(view: View) -> Section:
    """Return the table of models, with their ratios and the frontier drawn."""
    figures = [f for f in (ratios_figure(view), frontier_figure(view)) if f is not None]
    notes = [
        f"Times in ms; inputs “{view.inputs}”, {plural(view.threads, 'thread')}, batch 1. "
        "Brackets hold the 95 % interval. p99 is given from 1,000 samples on. "
        f"“As fast as” compares with {view.label(view.reference)}: time of it / time of the model."
    ]
    if any(view.compare(m) is None and m.id != view.reference.id for m in view.models):
        notes.append(
            "≈: this model did not run side by side with the reference; the ratio is that of two "
            "medians, without an interval, and no claim."
        )
    if not all(model.trained for model in view.models):
        notes.append(
            "Models with random weights have the architecture and the operators of the real ones: "
            "times and sizes hold, accuracy does not exist."
        )
    tables = [_speed_table(view), _cost_table(view)]
    return Section("The models", figures=figures, tables=tables, notes=notes)


def _speed_table(view: View) -> Table:
    columns = (
        "model", "forward, median", "p95", "p99", "end to end, median", "p95",
        f"times as fast as {view.label(view.reference)}", "end to end", "as its fp32",
    )  # fmt: skip
    rows = []
    for model in view.models:
        forward, whole = view.latency(model), view.latency(model, stage=END_TO_END)
        if forward is None:
            continue
        rows.append(
            (
                view.label(model),
                time_cell(forward.median),
                time_cell(forward.percentiles[95]),
                time_cell(forward.percentiles[99]),
                time_cell(whole.median if whole else None),
                time_cell(whole.percentiles[95] if whole else None),
                ratio_cell(view, model),
                ratio_cell(view, model, END_TO_END),
                _own_ratio(view, model),
            )
        )
    return Table("Latency, ms", columns, rows)


def time_cell(estimate: Estimate | None) -> Cell:
    """Return a time in ms."""
    return Cell(NONE) if estimate is None else Cell(milliseconds(estimate.value), estimate.value)


def ratio_cell(view: View, model: Model, stage: str = "forward") -> Cell:
    """Return how many times as fast a model is as the reference."""
    if model.id == view.reference.id:
        return Cell("1", 1.0)
    found = view.compare(model, stage=stage)
    if found is not None:
        claim = "" if found.claimed else " not claimed"
        return Cell(times_with_interval(found.ratio) + claim, found.ratio.value)
    own, other = view.latency(model, stage=stage), view.latency(view.reference, stage=stage)
    if own is None or other is None:
        return Cell(NONE)
    ratio = other.median.value / own.median.value
    return Cell(f"≈ {times(ratio)}", ratio)


def _own_ratio(view: View, model: Model) -> Cell:
    """Return how many times as fast a variant is as the same checkpoint in fp32."""
    plain = view.find(model.model, "fp32")
    found = view.compare(model, plain) if plain else None
    if found is None:
        return Cell(NONE)
    claim = "" if found.claimed else " not claimed"
    return Cell(times_with_interval(found.ratio) + claim, found.ratio.value)


def _cost_table(view: View) -> Table:
    columns = (
        "model", "weights", "parameters", "file", "memory, peak", "cold start", "share of peak",
        "accuracy",
    )  # fmt: skip
    rows = []
    for model in view.models:
        resident, cold, share = (
            memory_of(view, model),
            cold_start_of(view, model),
            share_of_peak_rate(view, model),
        )
        rows.append(
            (
                view.label(model),
                "trained" if model.trained else "random",
                Cell(millions(model.parameters), model.parameters),
                Cell(megabytes(model.bytes), model.bytes),
                Cell(megabytes(resident.peak), resident.peak) if resident else NONE,
                Cell(seconds_in_words(cold), cold) if cold else NONE,
                Cell(percent(share, 0), share),
                _accuracy(view, model),
            )
        )
    return Table("Size, memory, start and accuracy", columns, rows)


def memory_of(view: View, model: Model) -> Memory | None:
    """Return a model's memory; None where it was not measured."""
    try:
        return memory(view.data, model.id)
    except InputError:
        return None


def cold_start_of(view: View, model: Model) -> float | None:
    """Return the median time from nothing to the first answer, in seconds."""
    measured = [one for one in view.data.cold_starts if one.model == model.id and one.import_ns]
    if not measured:
        return None
    return first_answer(view.data, model.id, threads=measured[0].threads).median.value


def share_of_peak_rate(view: View, model: Model) -> float | None:
    """Return the share of the machine's peak matrix-multiply rate at the inputs' mean length."""
    tokens, found = view.mean_tokens(view.inputs), view.latency(model)
    if tokens is None or found is None:
        return None
    return share_of_peak(
        view.data, model.id, tokens=round(tokens), batch=1, threads=view.threads, seconds=found.mean
    )


def _accuracy(view: View, model: Model) -> str:
    if not model.trained:
        return UNTRAINED
    return "; ".join(map(scores, view.accuracy(model))) or NONE


def _median(found: Distribution | None) -> float | None:
    return None if found is None else found.median.value
