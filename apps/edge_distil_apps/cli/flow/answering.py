"""What `run` does: a bundle's answers to what was typed, to a file, or to stdin as it comes."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from edge_distil.errors import InputError, OutputError
from edge_distil.tasks import (
    Embedding,
    FillMask,
    QuestionAnswering,
    Reranker,
    TextClassification,
    ZeroShotClassification,
)
from edge_distil_apps.cli import console
from edge_distil_apps.cli.flow import arriving, results
from edge_distil_apps.cli.flow.given import PAIRS, QUESTIONS, TEXTS, Fields, Given
from edge_distil_apps.cli.flow.labelling import Labeller

_NO_TEXT = "got no text, expected TEXT arguments, --file FILE or lines on stdin"
_NO_QUESTION = (
    "this is a question-answering bundle: give --question Q and --context TEXT|@FILE|-, or "
    "--file FILE, or lines of question, tab, context on stdin"
)
_RANKED = (QuestionAnswering, TextClassification)  # tasks that take top_k
_COMPARED = (Embedding, Reranker)  # tasks that read all texts before they say anything
_NUMBERED = re.compile(r"^(?:text|pair|passage) (\d+)(?:: )?")  # how a task names an input
_LONG = 100_000  # characters; some seconds of a small model's time


@dataclass(frozen=True)
class Asked:
    """What was typed; see the options of `run`."""

    texts: list[str]
    question: str | None
    context: str | None
    pair: str | None
    top_k: int | None
    file: Path | None
    jsonl: bool
    json: bool
    labels: str | None = None
    template: str | None = None
    multi_label: bool = False

    @property
    def is_one_question(self) -> bool:
        """Whether a question was typed, and nothing that goes without one."""
        return bool(self.question) and not (self.texts or self.file or self.pair)


def answer(task: Any, asked: Asked) -> None:
    """Print what a task says.

    Raises:
        BadParameter: It cannot be told what to answer.
        InputError: There is nothing to answer, or a text that cannot be used.
    """
    asks = isinstance(task, QuestionAnswering)
    if isinstance(task, QuestionAnswering) and asked.is_one_question:
        _answer_one(task, asked)
        return
    task = _used(task, asked)
    fields = _fields(task)
    _check(task, asked, asks)
    typed = _typed(asked.texts, asked.pair, fields)
    if typed and asked.file:
        raise typer.BadParameter("give TEXT or --file FILE, not both")
    groups = _groups(asked, fields)
    nothing = _NO_QUESTION if asks else _NO_TEXT
    if not (asked.json or typed or isinstance(task, _COMPARED)):
        _answer_groups(task, groups, asked.top_k or 1, nothing)
        return
    given = typed or [one for group in groups for one in group]
    if not given:
        raise InputError(nothing)
    inputs: list[Any] = [one.input for one in given]
    if isinstance(task, Embedding):
        results.show_similarities(task, inputs, asked.json)
        return
    if isinstance(task, Reranker):
        query = console.argument(asked.question or "")
        with _placed(given):
            ranked = task(query, inputs, top_k=asked.top_k)
        results.show([query], [ranked], asked.json, fields)
        return
    with _placed(given):
        found = _results(task, inputs, asked.top_k or 1)
    results.show(inputs, found, asked.json, fields)


def _used(task: Any, asked: Asked) -> Any:
    """Return a text classifier as what is made of it by a query, or by labels that were typed.

    Raises:
        BadParameter: Labels do not go with the rest.
        TaskError: The model is none for that.
    """
    of_texts = isinstance(task, TextClassification)
    if asked.labels is not None:
        if not of_texts or asked.question or asked.pair:
            raise typer.BadParameter(
                "--labels goes with texts and a text-classification bundle, without --question and "
                "--pair"
            )
        zero_shot, labels = ZeroShotClassification(task.encoder), console.argument(asked.labels)
        template = None if asked.template is None else console.argument(asked.template)
        return Labeller(zero_shot, labels, template, asked.multi_label, asked.top_k)
    if asked.template is not None or asked.multi_label:
        raise typer.BadParameter("--template and --multi-label go with --labels: give it")
    if of_texts and asked.question and not asked.context:
        return Reranker(task.encoder)
    return task


def _check(task: Any, asked: Asked, asks: bool) -> None:
    """Refuse what is not for the bundle's task; who typed nothing at a terminal forgot something.

    Raises:
        BadParameter: It is not.
    """
    forgot = asked.file is None and sys.stdin.isatty()
    if asks and (asked.texts or asked.pair or asked.question or asked.context or forgot):
        raise typer.BadParameter(_NO_QUESTION)
    if not isinstance(task, Reranker) and (asked.question or asked.context):
        raise typer.BadParameter(
            f"this is a {task.bundle.manifest.task} bundle: give TEXT, not --question or --context"
        )


def _groups(asked: Asked, fields: Fields) -> Iterator[list[Given]]:
    if asked.file is None:
        return arriving.groups(asked.jsonl, fields)
    from edge_distil_apps.cli.flow.filed import read_file  # with the readers of `eval`

    return iter([read_file(asked.file, fields)])


def _answer_one(task: QuestionAnswering, asked: Asked) -> None:
    question, context = console.argument(asked.question or ""), _context(asked.context)
    with _progress(len(context)) as show:
        answers = task.batch([(question, context)], top_k=asked.top_k or 1, show_progress=show)
    results.show([question], answers, asked.json, QUESTIONS)


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
    if isinstance(task, Labeller):
        return list(task.stream(texts))
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
