"""``edge-distil run``: use a bundle; its task comes from the manifest."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_distil_apps.cli import console, options

if TYPE_CHECKING:
    from edge_distil.tasks import Embedding, Task


def run(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle directory.")],
    texts: Annotated[
        list[str] | None, options.argument("TEXT", "Texts; else the lines of stdin.")
    ] = None,
    question: Annotated[
        list[str] | None,
        options.value(
            "--question", "-q", kind="TEXT", text="A question, query or prompt; several, too."
        ),
    ] = None,
    context: Annotated[
        str | None,
        options.value("--context", "-c", kind="TEXT", text="Its context, or @FILE, or - (stdin)."),
    ] = None,
    pair: Annotated[
        str | None, options.value(kind="TEXT", text="The second text, for a classifier of pairs.")
    ] = None,
    labels: Annotated[
        str | None, options.value(kind="A,B,...", text="Labels of your own, for an NLI model.")
    ] = None,
    template: Annotated[
        str | None, options.value(kind="TEXT", text="What such a label is put into, at {}.")
    ] = None,
    multi_label: Annotated[
        bool, options.flag("--multi-label", text="Each of them is true or not by itself.")
    ] = False,
    top_k: Annotated[
        int | None,
        options.value(kind="N", text="Answers or labels (1), passages or choices (all).", min=1),
    ] = None,
    preselect: Annotated[
        int | None,
        options.value(kind="K", text="Of a long context, read K windows.", min=1),
    ] = None,
    embedding: Annotated[
        Path | None,
        options.value(kind="BUNDLE", text="Who chooses these, for --preselect."),
    ] = None,
    file: Annotated[
        Path | None,
        options.value("--file", "-f", kind="FILE", text="Texts, or questions and contexts."),
    ] = None,
    jsonl: Annotated[
        bool, options.flag("--jsonl", text="stdin is JSON lines of such rows.")
    ] = False,
    untrusted: Annotated[
        bool,
        options.flag(
            "--untrusted", text="A stranger's bundle: try it apart first.", panel=options.MODEL
        ),
    ] = False,
    variant: console.VariantName = None,
    engine: console.EngineName = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Run a bundle: answer, label, rank, choose, fill a mask, find entities, compare or weigh.

    Examples:
    `edge-distil run qa -q "Who keeps the light?" -c @lighthouse.txt`

    `edge-distil run qa -q "Who keeps the light?" -c @book.txt --preselect 8 --embedding minilm`

    `edge-distil run sst2 "a charming film" "a dull one"`

    `edge-distil run nli "A man sleeps." --pair "He is awake."`

    `edge-distil run cross-encoder -q "Who keeps the light?" --file passages.txt --top-k 3`

    `edge-distil run nli "My phone is dead." --labels "urgent, not urgent"`

    `edge-distil run swag -q "She opens the umbrella, for" "it rains." "it sings."`

    `edge-distil run qa --file questions.tsv`

    `tail -f posts.txt | edge-distil run ner`, a line answered as it comes

    FILE is .csv, .tsv, .json or .jsonl with text (and text_pair), question and context, or prompt
    and choices (a list); SQuAD's JSON; or lines as on stdin: a text, or a question or prompt, a tab
    and its context or choices, with a tab between them.
    """
    import edge_distil
    from edge_distil_apps.cli.flow.answering import answer
    from edge_distil_apps.cli.typed.asked import Asked

    task = edge_distil.load(
        bundle, variant=variant, engine=engine, threads=threads, untrusted=untrusted
    )
    if variant is None and console.interactive():
        _tell_variant(task)
    answer(
        task,
        Asked(
            texts or [], question or [], context, pair, top_k, file, jsonl, json,
            labels, template, multi_label, preselect, embedding,
        ),
        partial(_open_embedding, threads=threads, untrusted=untrusted),
    )  # fmt: skip


def _open_embedding(bundle: Path, *, threads: int | None, untrusted: bool) -> Embedding:
    """Open what chooses windows: for all passages of a text, not for single ones.

    Raises:
        BadParameter: It is a bundle of another task.
    """
    from edge_distil.errors import TaskError
    from edge_distil.tasks import Embedding

    try:
        return Embedding.load_for_bulk(bundle, threads=threads, untrusted=untrusted)
    except TaskError as error:
        raise typer.BadParameter(f"--embedding: {error}") from error


def _tell_variant(task: Task) -> None:
    """Say which variant runs where others could: int8 is often what was meant."""
    others = [name for name in task.bundle.present_variants() if name != task.variant]
    if others:
        console.note(
            f"runs {task.variant}, as no --variant was given; here, too: {', '.join(others)}"
        )
