"""``edge-distil run``: use a bundle; its task comes from the manifest."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

import edge_distil
from edge_distil.errors import InputError, OutputError
from edge_distil.tasks import Embedding, FillMask, QuestionAnswering, TextClassification
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.flow import arriving

_NO_TEXT = "got no text, expected TEXT arguments or lines on stdin"
_LONG = 100_000  # characters; some seconds of a small model's time


def run(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle directory.")],
    texts: Annotated[
        list[str] | None, options.argument("TEXT", "Texts; else the lines of stdin.")
    ] = None,
    question: Annotated[
        str | None, options.value("--question", "-q", kind="TEXT", text="A question.")
    ] = None,
    context: Annotated[
        str | None,
        options.value("--context", "-c", kind="TEXT", text="Its context, or @FILE, or - (stdin)."),
    ] = None,
    pair: Annotated[
        str | None, options.value(kind="TEXT", text="The second text, for a classifier of pairs.")
    ] = None,
    top_k: Annotated[
        int, options.value(kind="N", text="Answers or labels; by default 1.", min=1)
    ] = 1,
    jsonl: Annotated[
        bool, options.flag("--jsonl", text="stdin is JSON lines: text (and text_pair).")
    ] = False,
    untrusted: Annotated[
        bool,
        options.flag(
            "--untrusted", text="A stranger's bundle: try it apart first.", panel=options.MODEL
        ),
    ] = False,
    variant: console.VariantName = None,
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Run a bundle: answer, label, fill a mask, find entities, compare texts.

    Examples:
    `edge-distil run qa -q "Who keeps the light?" -c @lighthouse.txt`

    `edge-distil run sst2 "a charming film" "a dull one"`

    `edge-distil run nli "A man sleeps." --pair "He is awake."`

    `tail -f posts.txt | edge-distil run ner`, a line answered as it comes
    """
    task = edge_distil.load(bundle, variant=variant, threads=threads, untrusted=untrusted)
    if isinstance(task, QuestionAnswering):
        if not question or texts or pair is not None:
            raise typer.BadParameter(
                "this is a question-answering bundle: give --question Q and --context TEXT|@FILE|-"
            )
        question, text = console.argument(question), _context(context)
        with _progress(len(text)) as show:
            answers = task.batch([(question, text)], top_k=top_k, show_progress=show)
        _show([question], answers, json)
        return
    if question or context:
        raise typer.BadParameter(
            f"this is a {task.bundle.manifest.task} bundle: give TEXT, not --question or --context"
        )
    takes_pairs = isinstance(task, TextClassification)
    lines: list[Any] = [console.argument(text) for text in texts or ()]
    if pair is not None:
        if len(lines) != 1 or not takes_pairs:
            raise typer.BadParameter("--pair goes with one TEXT and a text-classification bundle")
        lines = [(lines[0], console.argument(pair))]
    if not lines and not json and not isinstance(task, Embedding):
        _answer_lines(task, jsonl, takes_pairs, top_k)
        return
    lines = lines or [given for _, given in arriving.inputs(jsonl, takes_pairs)]
    if not lines:
        raise InputError(_NO_TEXT)
    if isinstance(task, Embedding):
        _show_similarities(task, lines, json)
    else:
        _show(lines, _results(task, lines, top_k), json)


def _answer_lines(task: Any, jsonl: bool, takes_pairs: bool, top_k: int) -> None:
    """Answer the lines of stdin as they come."""
    count = 0
    for group in arriving.groups(jsonl, takes_pairs):
        done = 0
        try:
            for results in _stream(task, [given for _, given in group], top_k):
                for items in results:
                    _show_items(items)
                sys.stdout.flush()
                done += 1
        except (InputError, OutputError) as error:
            if done == len(group):
                raise  # of reading
            what = re.sub(r"^(text|pair) \d+(: )?", "", error.args[0])
            raise type(error)(f"line {group[done][0]} of stdin: {what}") from error
        count += len(group)
    if not count:
        raise InputError(_NO_TEXT)


def _stream(task: Any, texts: list[Any], top_k: int) -> Iterator[list[list[Any]]]:
    """Yield what is to be shown for each text: of several masks a list each."""
    if isinstance(task, FillMask):
        yield from task.stream_each_mask(texts, top_k=top_k if top_k > 1 else 5)
        return
    options = {"top_k": top_k} if isinstance(task, TextClassification) else {}
    for items in task.stream(texts, **options):
        yield [items]


def _results(task: Any, texts: list[Any], top_k: int) -> list[list[Any]]:
    if isinstance(task, FillMask):
        return [
            candidates
            for text in texts
            for candidates in task.each_mask(text, top_k=top_k if top_k > 1 else 5)
        ]
    if isinstance(task, TextClassification):
        return task.batch(texts, top_k=top_k)
    with _progress(sum(map(len, texts))) as show:
        return list(task.batch(texts, show_progress=show))


def _progress(characters: int) -> AbstractContextManager[Any]:
    """Give what shows, to a person who watches, how far into long texts the model has read."""
    if characters < _LONG or not console.interactive():
        return nullcontext(False)
    return console.progress_bar("characters")


def _context(value: str | None) -> str:
    """Resolve ``--context``: literal text, ``@FILE``, or ``-`` for stdin."""
    if value is None:
        raise typer.BadParameter("--question needs --context TEXT, @FILE or - for stdin")
    if value == "-" or value.startswith("@"):
        return console.read_text(value.removeprefix("@"))
    return console.argument(value)


def _show(inputs: list[Any], results: list[list[Any]], as_json: bool) -> None:
    """Print named tuples: one JSON document, or a block for each input."""
    if as_json:
        console.document(
            [
                {"input": _shown(text), "results": [item._asdict() for item in items]}
                for text, items in zip(inputs, results, strict=False)
            ]
            if len(inputs) == len(results)
            else [{"results": [item._asdict() for item in items]} for items in results]
        )
        return
    for items in results:
        _show_items(items)


def _show_items(items: list[Any]) -> None:
    if not items:
        console.say("(nothing found)")
    for item in items:
        console.say(_line(item))


def _shown(given: str | tuple[str, str]) -> str | dict[str, str]:
    return given if isinstance(given, str) else {"text": given[0], "text_pair": given[1]}


def _line(item: NamedTuple) -> str:
    fields = item._asdict()
    score = fields.pop("score")
    place = f"  [dim]{fields.pop('start')}:{fields.pop('end')}[/dim]" if "start" in fields else ""
    words = "  ".join(console.text(str(value)) for value in fields.values())
    return f"{score:7.4f}  {words or '(no answer)'}{place}"


def _show_similarities(task: Embedding, texts: list[str], as_json: bool) -> None:
    """Print vectors as JSON or, for a person, the cosine of each text to the first."""
    vectors = task.encode(texts)
    if as_json:
        rows = zip(texts, vectors.tolist(), strict=True)
        console.document([{"input": text, "vector": vector} for text, vector in rows])
        return
    unit = task.encode(texts, normalize_embeddings=True)
    count = console.count(len(texts), "vector")
    console.say(f"{count} of {vectors.shape[1]} dimensions; cosine to the first text:")
    for text, cosine in zip(texts, unit @ unit[0], strict=True):
        console.say(f"{cosine:7.4f}  {console.text(text)}")
