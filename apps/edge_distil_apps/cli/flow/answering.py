"""What `run` does: a bundle's answers to what was typed, to a file, or to stdin as it comes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from edge_distil.errors import InputError, OutputError
from edge_distil.tasks import (
    Embedding,
    FillMask,
    LateInteraction,
    MultipleChoice,
    QuestionAnswering,
    Reranker,
    SparseEmbedding,
    TextClassification,
    TokenClassification,
    ZeroShotClassification,
)
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.flow import arriving, results
from edge_distil_apps.cli.flow.given import CHOICES, PAIRS, QUESTIONS, TEXTS, Fields, Given, Input
from edge_distil_apps.cli.flow.labelling import Labeller
from edge_distil_apps.cli.flow.long_contexts import Documents, progress
from edge_distil_apps.cli.flow.results import Found
from edge_distil_apps.cli.typed import asked as typed_words
from edge_distil_apps.cli.typed import names
from edge_distil_apps.cli.typed.asked import Asked

_NO_TEXT = "stdin holds no text, expected a text a line: send some, or give TEXT or --file FILE"
_NO_QUESTION = (
    "stdin holds no question, expected question, tab, context a line: send some, or give "
    "--question Q --context TEXT|@FILE|-, or --file FILE"
)
_NO_CHOICES = (
    "stdin holds no prompt, expected prompt, tab, choice, tab, choice a line: send some, or give "
    "--question PROMPT and its choices as TEXT, or --file FILE"
)
_FORGOT = (
    "this is a question-answering bundle: give --question Q and --context TEXT|@FILE|-, or "
    "--file FILE, or lines of question, tab, context on stdin"
)
_FORGOT_CHOICES = (
    "this is a multiple-choice bundle: give --question PROMPT and its choices as TEXT, or --file "
    "FILE, or lines of prompt, tab, choice, tab, choice on stdin"
)
_RANKING = (Reranker, LateInteraction)
_COMPARED = (Embedding, *_RANKING)  # tasks that read all texts before they say anything
# How a task names an input.
_NUMBERED = re.compile(r"^(?:text|pair|passage|document|prompt) (\d+)(?:: |, )?")
_CANDIDATES = 5  # for a mask, by default
_TOKENS = 10  # of a sparse embedding, for a person


def answer(task: Any, asked: Asked, open_embedding: Callable[[Path], Embedding]) -> None:
    """Print what a task says.

    Args:
        task: What answers.
        asked: What was typed.
        open_embedding: Opens the bundle that chooses windows, where one was named.

    Raises:
        BadParameter: It cannot be told what to answer.
        InputError: There is nothing to answer, or a text that cannot be used.
    """
    typed_words.check(asked, task.bundle.manifest.task)
    names.check(asked)
    task, name = _used(task, asked)
    fields = _fields(task)
    typed = _typed(asked, fields)
    groups = _groups(asked, fields)
    if asked.embedding is not None:
        documents = Documents(open_embedding(asked.embedding))
        typed = [documents.prepared(one) for one in typed]
        groups = ([documents.prepared(one) for one in group] for group in groups)
    nothing = {QUESTIONS: _NO_QUESTION, CHOICES: _NO_CHOICES}.get(fields, _NO_TEXT)
    settings = _settings(task, asked)
    if not (asked.json or typed or isinstance(task, _COMPARED)):
        _answer_groups(task, groups, settings, nothing)
        return
    given = typed or [one for group in groups for one in group]
    if not given:
        raise InputError(nothing)
    if isinstance(task, Embedding):
        results.show_similarities(task, given, asked.json, fields)
        return
    with _placed(given):
        found = (
            _ranked(task, asked, given)
            if isinstance(task, _RANKING)
            else _found(task, given, settings)
        )
    if asked.json:
        results.document(task, name, found, fields)
        return
    for one in found:
        for items in one.blocks:
            results.show_items(items)


def _used(task: Any, asked: Asked) -> tuple[Any, str]:
    """Return a text classifier as what is made of it by a query, or by labels that were typed.

    Returns:
        What answers, and the name of the task.

    Raises:
        BadParameter: The labels or their template cannot be used.
        TaskError: The model is none for that.
    """
    if asked.labels is not None:
        zero_shot, labels = ZeroShotClassification(task.encoder), console.argument(asked.labels)
        template = None if asked.template is None else console.argument(asked.template)
        labeller = Labeller(zero_shot, labels, template, asked.multi_label, asked.top_k)
        with options.usage():
            list(labeller.stream([]))
        return labeller, "zero-shot-classification"
    if isinstance(task, TextClassification) and asked.questions:
        return Reranker(task.encoder), "reranking"
    return task, task.bundle.manifest.task


def _settings(task: Any, asked: Asked) -> dict[str, Any]:
    """Return what a task's methods take of what was typed."""
    if isinstance(task, QuestionAnswering):
        return {"top_k": asked.top_k or 1, "preselect": asked.preselect}
    if isinstance(task, FillMask):
        return {"top_k": asked.top_k or _CANDIDATES}
    if isinstance(task, MultipleChoice):
        return {"top_k": asked.top_k}
    if isinstance(task, SparseEmbedding):
        return {"top_k": asked.top_k or (None if asked.json else _TOKENS)}
    return {"top_k": asked.top_k or 1} if isinstance(task, TextClassification) else {}


def _groups(asked: Asked, fields: Fields) -> Iterator[list[Given]]:
    if asked.file is None:
        return _arriving(asked.jsonl, fields)
    from edge_distil_apps.cli.flow.filed import read_file  # with the readers of `eval`

    return iter([read_file(asked.file, fields)])


def _arriving(jsonl: bool, fields: Fields) -> Iterator[list[Given]]:
    """Yield what comes on stdin; who is at a terminal is told, or typed nothing by mistake.

    Raises:
        BadParameter: A question and its context are not what anybody types on a terminal.
    """
    if sys.stdin.isatty():
        if fields.both:
            raise typer.BadParameter(_FORGOT_CHOICES if fields.many else _FORGOT)
        console.note("reading a text a line from this terminal: Ctrl-D ends them")
    yield from arriving.groups(jsonl, fields)


def _fields(task: Any) -> Fields:
    if isinstance(task, QuestionAnswering):
        return QUESTIONS
    if isinstance(task, MultipleChoice):
        return CHOICES
    return PAIRS if isinstance(task, TextClassification) else TEXTS


def _typed(asked: Asked, fields: Fields) -> list[Given]:
    """Return what was typed as arguments."""
    if fields.many:
        choices = [console.argument(text) for text in asked.texts]
        return [Given("", (console.argument(asks), choices)) for asks in asked.questions]
    if fields.both:
        context = _context(asked.context) if asked.context is not None else ""
        return [Given("", (console.argument(asks), context)) for asks in asked.questions]
    typed = [console.argument(text) for text in asked.texts]
    if asked.pair is not None:
        return [Given("", (typed[0], console.argument(asked.pair)))]
    return [Given("", text) for text in typed]


def _answer_groups(
    task: Any, groups: Iterator[list[Given]], settings: dict[str, Any], nothing: str
) -> None:
    """Answer inputs as they come."""
    count = 0
    for group in groups:
        done = 0
        try:
            for found in _stream(task, [given.input for given in group], settings):
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
        if not found or (len(given) > 1 and not given[int(found[1])].where):
            raise
        where = given[int(found[1])].where
        what = _NUMBERED.sub("", error.args[0])
        raise type(error)(f"{where}: {what}" if where else what) from error


def _stream(task: Any, texts: list[Any], settings: dict[str, Any]) -> Iterator[list[list[Any]]]:
    """Yield what is to be shown for each text: of several masks a list each."""
    if isinstance(task, FillMask):
        yield from task.stream_each_mask(texts, **settings)
        return
    if isinstance(task, SparseEmbedding):
        yield from ([task.decode(vector, **settings)] for vector in task.stream(texts))
        return
    for items in task.stream(texts, **settings):
        yield [items]


def _ranked(task: Reranker | LateInteraction, asked: Asked, given: list[Given]) -> list[Found]:
    """Put the passages in order for each query."""
    passages: list[Any] = [one.input for one in given]
    rank = task.rank if isinstance(task, LateInteraction) else task
    queries = [console.argument(query) for query in asked.questions]
    return [
        Found(Given("", query), [rank(query, passages, top_k=asked.top_k)], given)
        for query in queries
    ]


def _found(task: Any, given: list[Given], settings: dict[str, Any]) -> list[Found]:
    inputs: list[Any] = [one.input for one in given]
    if isinstance(task, QuestionAnswering | TokenClassification):
        read = 0 if settings.get("preselect") else sum(map(_length, inputs))
        with progress(read, "characters") as show:
            blocks = [[items] for items in task.batch(inputs, show_progress=show, **settings)]
    else:
        blocks = list(_stream(task, inputs, settings))
    return [Found(one, found) for one, found in zip(given, blocks, strict=True)]


def _length(given: Input) -> int:
    return len(given if isinstance(given, str) else given[1])


def _context(value: str) -> str:
    """Resolve ``--context``: literal text, ``@FILE``, or ``-`` for stdin."""
    if value == "-" or value.startswith("@"):
        return console.read_text(value.removeprefix("@"))
    return console.argument(value)
