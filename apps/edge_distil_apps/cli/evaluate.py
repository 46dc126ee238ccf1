"""``edge-distil eval``: is it still right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import edge_distil
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.flow.steps import step
from edge_distil_apps.cli.tables import table


def evaluate(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle directory.")],
    data: Annotated[
        Path,
        options.value(kind="FILE", text="Labelled data, in the format of the task."),
    ],
    variant: Annotated[
        list[str] | None,
        options.value(kind="NAME", text="May be repeated; by default all.", panel=options.MODEL),
    ] = None,
    engine: console.EngineName = None,
    limit: Annotated[
        int | None, options.value(kind="N", text="The first N examples.", min=1)
    ] = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Score variants on a data set, and compare each with fp32.

    Example: `edge-distil eval qa --data dev-v1.1.json --variant fp32 --variant int8`

    On another --engine it is the variant that is loaded by default, unless others are named.

    FILE is csv, tsv, json or jsonl with these names in its header or as its keys: question,
    context, answers (or SQuAD JSON) · text, label, for pairs text_pair too · sentence1,
    sentence2, score (STS-B) · tokens, tags (or CoNLL) · prompt, choices, label. Columns of other
    names are left out.
    """
    from edge_distil import evaluate as evaluation

    opened = edge_distil.open_bundle(bundle)
    names = variant or ([opened.variant()[0]] if engine else opened.portable_variants())
    results: dict[str, dict[str, Any]] = {}
    reference = None
    names = sorted(names, key=lambda name: name != "fp32")  # the others are compared with it
    with step("evaluating") as progress:
        for before, name in enumerate(names):

            def of_all(done: int, total: int, before: int = before) -> None:
                progress(before * total + done, len(names) * total)

            task = edge_distil.load(bundle, variant=name, engine=engine, threads=threads)
            result = evaluation.evaluate(task, data, limit=limit, progress=of_all)
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
    table(
        f"{first['data']}: {console.count(first['count'], 'example')}",
        ["variant", *(f"{metric.replace('_', ' ')} %" for metric in metrics)],
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
