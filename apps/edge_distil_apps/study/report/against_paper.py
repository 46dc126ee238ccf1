"""The paper's claims line by line beside what was measured here."""

from __future__ import annotations

from collections.abc import Iterator

from edge_distil_apps.study import paper
from edge_distil_apps.study.report.charts.rows import Interval, Row, Style, intervals
from edge_distil_apps.study.report.content import Cell, Figure, Section, Table, figure
from edge_distil_apps.study.report.models import UNTRAINED
from edge_distil_apps.study.report.numbers import (
    NONE,
    megabytes,
    millions,
    number,
    percent,
    scores,
    seconds_in_words,
    times,
    times_with_interval,
)
from edge_distil_apps.study.report.view import (
    BERT,
    DISTILBERT,
    FORWARD,
    FULL_384,
    NAMES,
    PADDED,
    PAIRS,
    QUESTIONS,
    View,
)
from edge_distil_bench.records import Model
from edge_distil_bench.statistics.comparison import Comparison
from edge_distil_bench.statistics.summary import full_pass

_THEIRS = Style("paper open")


def paper_section(view: View) -> Section | None:
    """Return the comparison with the paper; None where its two models were not measured."""
    bert, small = view.find(BERT, "fp32"), view.find(DISTILBERT, "fp32")
    if bert is None or small is None:
        return None
    claims = Table(
        "Theirs and ours",
        ("the paper says", "there", "here", "comparable?"),
        [
            *_table_3(view, bert, small),
            *_section_4(view, bert, small),
            *_accuracy(view, bert, small),
        ],
        wraps=True,
    )
    text = [
        f"{paper.PAPER}, gives two timings: a full pass on a server CPU (Table 3) and “71 % "
        "faster” on a phone (section 4.1). A ratio can be measured anywhere; seconds belong to "
        "their machine."
    ]
    figures = [_ratios(view, bert, small)]
    tables = [_readings(), _sizes()]
    title = "The paper, line by line"
    return Section(title, text, figures, tables, _notes(), first=[claims])


def _table_3(view: View, bert: Model, small: Model) -> Iterator[list[Cell | str]]:
    theirs = {name: paper.TABLE_3[name] for name in (BERT, DISTILBERT)}
    source = f"Table 3: full pass over STS-B dev, batch 1, {paper.TABLE_3_CPU}"
    for name, model in ((BERT, bert), (DISTILBERT, small)):
        seconds, pairs = _pass(view, model)
        here, why = Cell(NONE), "sentence pairs were not measured here"
        if seconds is not None:
            words = f"{seconds_in_words(seconds)} for {pairs:,} pairs, "
            words += f"{number(seconds / pairs * 1e3)} ms a pair"
            here = Cell(words, seconds)
            same = pairs == paper.TABLE_3_PAIRS
            why = "same work, another machine" if same else "other pairs, and fewer: the ratio only"
        said = theirs[name].seconds
        there = Cell(f"{said:.0f} s, {number(said / paper.TABLE_3_PAIRS * 1e3)} ms a pair", said)
        yield [f"{source}: {NAMES[name]}", there, here, why]
    ratio = theirs[BERT].seconds / theirs[DISTILBERT].seconds
    there = Cell(f"{times(ratio)}, {percent(1 - 1 / ratio)} less time", ratio)
    yield [
        "“60 % faster”",
        there,
        _ratio(view, small, bert, PAIRS),
        "yes: a ratio of two models, equal inputs",
    ]
    counted = "counted from the graph; the paper rounds, and counts the pooler"
    for name, model in ((BERT, bert), (DISTILBERT, small)):
        printed = theirs[name].parameters
        here = Cell(millions(model.parameters), model.parameters)
        yield [
            f"parameters of {NAMES[name]}",
            Cell(f"{printed / 1e6:.0f} M", printed),
            here,
            counted,
        ]


def _section_4(view: View, bert: Model, small: Model) -> Iterator[list[Cell | str]]:
    wanted = (FULL_384, PADDED, QUESTIONS)
    inputs = next((i for i in wanted if _compared(view, small, bert, i)), view.inputs)
    yield [
        f"section 4.1: “71 % faster” on {paper.PHONE}, tokenization excluded",
        Cell("71 %: 1.71× or 3.5×, see below", 1 + paper.PHONE_FASTER),
        _ratio(view, small, bert, inputs),
        f"complete models at equal length (“{inputs}”); the paper gives no length and no precision",
    ]
    yield [
        "section 4.1: “the whole model weighs 207 MB”",
        Cell("207 MB", paper.PHONE_MEGABYTES * 1e6),
        Cell(f"{megabytes(small.bytes)} in fp32", small.bytes),
        "no: 207 MB are a model without attention, see below",
    ]


def _accuracy(view: View, bert: Model, small: Model) -> Iterator[list[Cell | str]]:
    for name, model in ((BERT, bert), (DISTILBERT, small)):
        said = paper.TABLE_2[name]
        found = [one for one in view.accuracy(model) if model.trained]
        here = "; ".join(f"{one.data}: " + scores(one) for one in found)
        why = "on the same data only" if found else "not without trained weights"
        there = f"EM {said.exact_match}, F1 {said.f1}"
        yield [
            f"Table 2, SQuAD v1.1 dev: {NAMES[name]}",
            there,
            here or (NONE if model.trained else UNTRAINED),
            why,
        ]


def _pass(view: View, model: Model) -> tuple[float | None, int]:
    """Return the seconds of a full pass over the pairs, forward alone, and how many these are."""
    listed = next((one for one in view.data.inputs if one.id == PAIRS), None)
    threads = max((t for i, t in view.conditions if i == PAIRS), default=None)
    if listed is None or threads is None or not view.runs(model, PAIRS, threads):
        return None, 0
    seconds = full_pass(
        view.data.runs, model.id, inputs=PAIRS, threads=threads, stage=FORWARD
    )  # fmt: skip
    measured = {item for run in view.runs(model, PAIRS, threads) for item in run.item}
    return seconds, len(measured)


def _ratio(view: View, small: Model, bert: Model, inputs: str) -> Cell:
    found = _compared(view, small, bert, inputs)
    if found is None:
        return Cell(NONE)
    words = f"{times_with_interval(found.ratio)}, {percent(found.reduction)} less time"
    return Cell(words, found.ratio.value)


def _compared(view: View, small: Model, bert: Model, inputs: str) -> Comparison | None:
    """Compare on some inputs with as many threads as they were measured with."""
    threads = max((t for i, t in view.conditions if i == inputs), default=None)
    return None if threads is None else view.compare(small, bert, inputs, threads)


def _ratios(view: View, bert: Model, small: Model) -> Figure:
    table = paper.TABLE_3[BERT].seconds / paper.TABLE_3[DISTILBERT].seconds
    theirs = [
        ("paper, Table 3", table),
        ("paper, 71 % as a ratio", 1 + paper.PHONE_FASTER),
        ("log: 384 against 64 tokens", paper.APP_LOG.ratio),
        ("app, device, fp16 DistilBERT", paper.APP_DEVICE.ratio),
        ("app, simulator", paper.APP_SIMULATOR.ratio),
    ]
    rows = [(Row(f"{words}", times(r), _THEIRS), Interval(r, r, r)) for words, r in theirs]
    for inputs in dict.fromkeys(inputs for inputs, _ in view.conditions):
        found = _compared(view, small, bert, inputs)
        if found is not None:
            row = Row(f"here, {inputs}", times_with_interval(found.ratio), view.style(small))
            rows.append((row, Interval(*found.ratio)))
    title = "DistilBERT against BERT-base: theirs and ours"
    return figure(
        title,
        "Hollow: published. Filled: measured here, fp32, forward pass, with 95 % intervals.",
        lambda width: intervals(
            rows, width, title=title, axis="time of BERT-base / time of DistilBERT"
        ),
    )


def _readings() -> Table:
    rows: list[list[Cell | str]] = [
        [
            "a ratio: 71 % faster, as in “60 % faster” of Table 3",
            Cell(times(1 + paper.PHONE_FASTER), 1 + paper.PHONE_FASTER),
            Cell(percent(1 - 1 / (1 + paper.PHONE_FASTER)), 1 - 1 / (1 + paper.PHONE_FASTER)),
            "the way in which the same paper words Table 3",
        ],
        [
            "less time: 71 % of the time is saved",
            Cell(times(1 / (1 - paper.PHONE_FASTER)), 1 / (1 - paper.PHONE_FASTER)),
            Cell(percent(paper.PHONE_FASTER), paper.PHONE_FASTER),
            f"the app's log: {paper.APP_LOG.bert} s and {paper.APP_LOG.distilbert} s",
        ],
    ]
    for timed in (paper.APP_LOG, paper.APP_DEVICE, paper.APP_SIMULATOR):
        ratio = Cell(times(timed.ratio), timed.ratio)
        saved = Cell(percent(timed.reduction), timed.reduction)
        rows.append([timed.conditions, ratio, saved, timed.source])
    columns = ("reading of “71 %”, or timing", "ratio", "less time", "where from")
    return Table("Two readings of “71 %”", columns, rows, wraps=True)


def _sizes() -> Table:
    shape = paper.DISTILBERT
    parts = [
        ("word table, 30,522 × 768", shape.words, True),
        ("layer norms, 13 × 2 × 768", shape.norms, True),
        ("feed-forward blocks, 6 × (768 × 3,072 × 2, biases)", shape.feed_forwards, True),
        ("position table, 512 × 768", shape.places, False),
        ("attention, 6 × 4 × (768 × 768 + 768)", shape.attention, False),
    ]
    kept = paper.parameters_without_attention(shape)
    rows: list[list[Cell | str]] = [
        [name, Cell(f"{count:,}", count), "yes" if inside else "no"]
        for name, count, inside in parts
    ]
    sums = [("sum of “yes”", kept), ("all of DistilBERT", shape.parameters)]
    for name, count in sums:
        size = paper.fp32_bytes(count)
        rows.append([name, Cell(f"{count:,}", count), f"× 4 bytes = {size:,} bytes"])
    rows.append([f"the file {paper.APP_FILE}", NONE, f"{paper.APP_FILE_BYTES:,} bytes"])
    return Table("The arithmetic of 207 MB", ("part", "parameters", "in the 207 MB?"), rows)


def _notes() -> list[str]:
    rest = paper.APP_FILE_BYTES - paper.fp32_bytes(
        paper.parameters_without_attention(paper.DISTILBERT)
    )
    return [
        f"The log is {paper.APP_LOG.source}. {paper.INFERENCE} Its two models did different work: "
        f"{paper.APP_LOG.conditions}. So this report compares complete models at equal length.",
        f"The file of 207 MB is {paper.APP}'s {paper.APP_FILE}; word table, layer norms and "
        f"feed-forward blocks account for all but {rest:,} bytes of it, and its builder marks "
        "self-attention “wip”.",
    ]
