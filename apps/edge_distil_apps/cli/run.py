"""``edge-distil run``: use a bundle; its task comes from the manifest."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

import edge_distil
from edge_distil.errors import InputError, OutputError
from edge_distil.tasks import Embedding, FillMask, QuestionAnswering, TextClassification
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.flow import arriving, results
from edge_distil_apps.cli.flow.filed import read_file
from edge_distil_apps.cli.flow.given import PAIRS, QUESTIONS, TEXTS, Fields, Given

_NO_TEXT = "got no text, expected TEXT arguments, --file FILE or lines on stdin"
_NO_QUESTION = (
    "this is a question-answering bundle: give --question Q and --context TEXT|@FILE|-, or "
    "--file FILE, or lines of question, tab, context on stdin"
)
_RANKED = (QuestionAnswering, TextClassification)  # tasks that take top_k
_NUMBERED = re.compile(r"^(?:text|pair) (\d+)(?:: )?")  # how a task names an input
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
    threads: console.Threads = None,
    json: console.Json = False,
) -> None:
    """Run a bundle: answer, label, fill a mask, find entities, compare texts.

    Examples:
    `edge-distil run qa -q "Who keeps the light?" -c @lighthouse.txt`

    `edge-distil run sst2 "a charming film" "a dull one"`

    `edge-distil run nli "A man sleeps." --pair "He is awake."`

    `edge-distil run qa --file questions.tsv`

    `tail -f posts.txt | edge-distil run ner`, a line answered as it comes

    FILE is .csv, .tsv, .json or .jsonl with text (and text_pair), or question and context; SQuAD's
    JSON; or lines as on stdin: a text, or a question, a tab and its context.
    """
    task = edge_distil.load(bundle, variant=variant, threads=threads, untrusted=untrusted)
    asks = isinstance(task, QuestionAnswering)
    wrong = _NO_QUESTION if asks else _NO_TEXT
    if isinstance(task, QuestionAnswering) and question and not (texts or file or pair):
        _answer_one(task, console.argument(question), _context(context), top_k, json)
        return
    if question or context or (asks and (texts or pair or (file is None and sys.stdin.isatty()))):
        raise typer.BadParameter(
            _NO_QUESTION if asks else f"this is a {task.bundle.manifest.task} bundle: give TEXT, "
            "not --question or --context"
        )  # fmt: skip
    fields = _fields(task)
    typed = _typed(texts or [], pair, fields)
    if typed and file:
        raise typer.BadParameter("give TEXT or --file FILE, not both")
    groups = iter([read_file(file, fields)]) if file else arriving.groups(jsonl, fields)
    if not (json or typed or isinstance(task, Embedding)):
        _answer_groups(task, groups, top_k, wrong)
        return
    given = typed or [one for group in groups for one in group]
    if not given:
        raise InputError(wrong)
    inputs = [one.input for one in given]
    if isinstance(task, Embedding):
        results.show_similarities(task, inputs, json)
    else:
        with _placed(given):
            found = _results(task, inputs, top_k)
        results.show(inputs, found, json, fields)


def _answer_one(
    task: QuestionAnswering, question: str, context: str, top_k: int, as_json: bool
) -> None:
    with _progress(len(context)) as show:
        answers = task.batch([(question, context)], top_k=top_k, show_progress=show)
    results.show([question], answers, as_json, QUESTIONS)


def _fields(task: Any) -> Fields:
    if isinstance(task, QuestionAnswering):
        return QUESTIONS
    return PAIRS if isinstance(task, TextClassification) else TEXTS


def _typed(texts: list[str], pair: str | None, fields: Fields) -> list[Given]:
    """Return what was typed as arguments."""
    typed = [console.argument(text) for text in texts]
    if pair is None:
        return [Given("", text) for text in typed]
    if len(typed) != 1 or fields != PAIRS:
        raise typer.BadParameter("--pair goes with one TEXT and a text-classification bundle")
    return [Given("", (typed[0], console.argument(pair)))]


def _answer_groups(task: Any, groups: Iterator[list[Given]], top_k: int, nothing: str) -> None:
    """Answer inputs as they come."""
    count = 0
    for group in groups:
        done = 0
        try:
            for found in _stream(task, [given.input for given in group], top_k):
                for items in found:
                    results.show_items(items)
                sys.stdout.flush()
                done += 1
        except (InputError, OutputError) as error:
            if done == len(group):
                raise  # of reading
            what = _NUMBERED.sub("", error.args[0])
            raise type(error)(f"{group[done].where}: {what}") from error
        count += len(group)
    if not count:
        raise InputError(nothing)


@contextmanager
def _placed(given: list[Given]) -> Iterator[None]:
    """Name an input that is refused by where it stands, if it stands somewhere."""
    try:
        yield
    except (InputError, OutputError) as error:
        found = _NUMBERED.match(error.args[0])
        where = given[int(found[1])].where if found else ""
        if not where:
            raise
        raise type(error)(f"{where}: {_NUMBERED.sub('', error.args[0])}") from error


def _stream(task: Any, texts: list[Any], top_k: int) -> Iterator[list[list[Any]]]:
    """Yield what is to be shown for each text: of several masks a list each."""
    if isinstance(task, FillMask):
        yield from task.stream_each_mask(texts, top_k=top_k if top_k > 1 else 5)
        return
    options = {"top_k": top_k} if isinstance(task, _RANKED) else {}
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
    options = {"top_k": top_k} if isinstance(task, QuestionAnswering) else {}
    with _progress(sum(len(text if isinstance(text, str) else text[1]) for text in texts)) as show:
        return list(task.batch(texts, show_progress=show, **options))


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
