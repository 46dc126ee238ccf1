"""``edge-distil bench``: how fast are these models here, and which one to ship?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from edge_distil_apps.cli import console, options

_PEERS = "Other engines"
_INPUT = "Queries"
_EFFORT = "Effort"


def _check_peers(texts: Sequence[str]) -> None:
    from edge_distil_bench import peers  # it brings numpy

    for text in texts:
        peers.parse(text)


def bench(
    bundles: Annotated[list[Path], options.argument("DIR", "Bundles of one task.")],
    variant: Annotated[
        list[str] | None,
        options.value(kind="NAME", text="May be repeated; by default all.", panel=options.MODEL),
    ] = None,
    threads: console.Threads = None,
    untrained: Annotated[
        bool,
        options.flag("--untrained", text="Random weights: no accuracy.", panel=options.MODEL),
    ] = False,
    against: Annotated[
        list[str] | None,
        options.value(
            kind="PEER",
            text="Another engine; may be repeated.",
            panel=_PEERS,
            check=_check_peers,
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        options.value(kind="DIR", text="What the first bundle was made from.", panel=_PEERS),
    ] = None,
    texts: Annotated[
        Path | None,
        options.value(kind="FILE", text="Queries, one a line; else built in.", panel=_INPUT),
    ] = None,
    data: Annotated[
        Path | None,
        options.value(kind="FILE", text="Labelled file to score on, as for eval.", panel=_INPUT),
    ] = None,
    quick: Annotated[
        bool, options.flag("--quick", text="96 queries a model: a first look.", panel=_EFFORT)
    ] = False,
    full: Annotated[
        bool, options.flag("--full", text="1,024 queries and 60 s a model.", panel=_EFFORT)
    ] = False,
    limit: Annotated[
        float | None,
        options.value(kind="SECONDS", text="Timing at most, start-up apart.", panel=_EFFORT, min=0),
    ] = None,
    queries: Annotated[
        int | None,
        options.value(kind="N", text="Timed queries a model.", panel=_EFFORT, min=1),
    ] = None,
    seconds: Annotated[
        float | None,
        options.value(kind="X", text="Timed seconds a model.", panel=_EFFORT, min=0),
    ] = None,
    processes: Annotated[
        int | None,
        options.value(kind="N", text="Exactly so many rounds.", panel=_EFFORT, min=2),
    ] = None,
    output: Annotated[Path | None, options.output("FILE", "Raw samples, as JSON.")] = None,
    work: Annotated[
        Path | None,
        options.value(kind="DIR", text="For what is kept; else a cache.", panel=options.OUTPUT),
    ] = None,
    force: Annotated[
        bool, options.flag("--force", text="Replace FILE.", panel=options.OUTPUT)
    ] = False,
    json: console.Json = False,
) -> None:
    """Time variants and bundles side by side, and say which one to ship here.

    Examples:
    `edge-distil bench qa`

    `edge-distil bench distilbert bert --variant int8 --threads 1 -o bench.json`

    `edge-distil bench qa --checkpoint model --against torch --against openvino=ov/bin/python`

    Models share fresh processes and answer the same queries in turn; rounds are added until the
    figures decide. The first model runs beside a copy of itself, too, and no smaller difference is
    claimed. A run that was interrupted goes on when the same command is given again.

    PEER is NAME[:PRECISION][=PYTHON]: torch, optimum, ctranslate2 or openvino; PYTHON is the
    interpreter of the environment that has it.
    """
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other: give one of them")
    if len({bundle.resolve() for bundle in bundles}) < len(bundles):
        raise typer.BadParameter("a bundle is given twice, expected each once: name it once")
    from edge_distil_apps.cli.flow.benching import Asked, measure_and_show

    measure_and_show(
        Asked(
            bundles, variant or (), threads, untrained, against or (), checkpoint, texts, data,
            quick, full, limit, queries, seconds, processes, output, work, force,
        ),
        json,
    )  # fmt: skip
