"""``edge-distil eval``: is it still right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import edge_distil
from edge_distil import evaluate as evaluation
from edge_distil_apps.cli import console


def evaluate(
    bundle: Annotated[Path, typer.Argument(help="A bundle directory.")],
    data: Annotated[
        Path,
        typer.Option(
            help="SQuAD JSON, STS-B CSV, text (text_pair) and label as TSV, or CoNLL, by the task."
        ),
    ],
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="Variants to evaluate; by default all ONNX ones. May be given several times."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many examples.")] = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Score variants on a data set, and compare each with fp32.

    Example: `edge-distil eval qa --data dev-v1.1.json --variant fp32 --variant int8`
    """
    names = variant or edge_distil.open_bundle(bundle).portable_variants()
    results: dict[str, dict[str, Any]] = {}
    reference = None
    for name in sorted(names, key=lambda name: name != "fp32"):  # the others are compared with it
        task = edge_distil.load(bundle, variant=name, threads=threads)
        with console.progress_bar(f"evaluating {name}") as progress:
            result = evaluation.evaluate(task, data, limit=limit, progress=progress)
        results[name] = result.to_dict()
        if name == "fp32":
            reference = result
        elif reference is not None:
            found = evaluation.compare_predictions(
                result.task, reference.predictions, result.predictions
            )
            results[name]["fidelity"] = found.to_dict()
    if json:
        console.document(results)
    else:
        _show(results)


def _show(results: dict[str, dict[str, Any]]) -> None:
    first = next(iter(results.values()))
    metrics = list(first["metrics"])
    console.table(
        f"{first['data']}: {console.count(first['count'], 'example')}",
        ["variant", *metrics],
        [
            [name, *(f"{result['metrics'][metric]:.2f}" for metric in metrics)]
            for name, result in results.items()
        ],
    )
    for name, result in results.items():
        figures = result.get("fidelity", {})
        if figures:
            words = ", ".join(
                f"{key.replace('_', ' ')} {value:.4g}"
                for key, value in figures.items()
                if isinstance(value, float)
            )
            console.say(f"{name} against fp32: {words}")
