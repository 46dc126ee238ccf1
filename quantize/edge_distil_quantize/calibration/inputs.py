"""Inputs to calibrate on: the caller's data, or an own-written sample for every task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np

from edge_distil._reading.manifest_late import LateSettings
from edge_distil._tokenizing.rows import Encoded, Row, collate
from edge_distil._tokenizing.sides import side_rows
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.bundle import Bundle
from edge_distil.errors import DataError
from edge_distil.evaluate.choices import read_choice_questions
from edge_distil.evaluate.classification import read_labelled
from edge_distil.evaluate.files import read_text
from edge_distil.evaluate.kinds import expecting
from edge_distil.evaluate.scored import read_scored
from edge_distil.evaluate.spans import read_conll
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.evaluate.sts import read_pairs
from edge_distil.rows import split_lines
from edge_distil.streaming import sizes
from edge_distil_quantize.recipe import Feeds

MOST_INPUTS = 256  # beyond this statistics change little and time grows
_SEED = 2018  # of the choice among more
_LONGEST = 384  # tokens; longer texts are cut, as question answering cuts its windows
_SAMPLE = "sample.txt"

# A text, or a pair of texts (a question and its context).
Text = str | tuple[str, str]


def calibration_inputs(bundle: Bundle, data: str | Path | None = None) -> list[Feeds]:
    """Return inputs for a bundle's graph, each a text alone, the same at every call.

    Args:
        bundle: The bundle, for its tokenizer and task.
        data: A file as for ``edge-distil eval``, or ``.txt`` with a text a line (a tab between
            question and context). The sample that ships with this package when ``None``.

    Returns:
        At most `MOST_INPUTS`, chosen evenly at random where there are more.

    Raises:
        DataError: The file cannot be read or holds nothing.
    """
    task = bundle.manifest.task
    texts = _read(Path(data), task) if data else _sample(task)
    if len(texts) > MOST_INPUTS:
        chosen = np.random.default_rng(_SEED).choice(len(texts), MOST_INPUTS, replace=False)
        texts = [texts[index] for index in sorted(chosen)]
    tokenizer = Tokenizer(bundle.path, bundle.manifest.max_length)
    longest, late = min(_LONGEST, bundle.manifest.max_length), bundle.manifest.late_interaction
    rows: Sequence[Encoded] = (
        tokenizer.encode(texts, longest)
        if late is None
        else _of_both_sides(tokenizer, late, texts, longest)
    )
    types, first = tokenizer.token_types, bundle.manifest.first_position
    return [
        collate([row], tokenizer.pad_id, token_types=types, first_position=first) for row in rows
    ]


def _of_both_sides(
    tokenizer: Tokenizer, late: LateSettings, texts: Sequence[Text], longest: int
) -> list[Row]:
    """Return texts as queries and as documents, by turns, as pairs are."""
    parts = [part for text in texts for part in ([text] if isinstance(text, str) else text)]
    document = replace(late.document, max_length=min(late.document.max_length, longest))
    late = replace(late, document=document)
    return [
        row
        for side, query in ((parts[::2], True), (parts[1::2], False))
        for _, row in side_rows(tokenizer, late, side, sizes(known=True), query=query)
    ]


def check_data(data: str | Path, task: str, *, scored: bool = False) -> None:
    """Read a file as it will be read, so that what is wrong with it is said before any work.

    Args:
        data: The file.
        task: Of the bundle that is to be, or is there.
        scored: Scores are taken on it, and not just a calibration.

    Raises:
        DataError: It cannot be read, holds nothing, or is of another task's kind.
    """
    if scored:
        with expecting(task, Path(data)):
            _READERS[task](Path(data))
    else:
        _read(Path(data), task)


def _read(path: Path, task: str) -> Sequence[Text]:
    if path.suffix.lower() == ".txt":
        texts: Sequence[Text] = _lines(read_text(path))
    else:
        with expecting(task, path):
            texts = _READERS[task](path)
    if not texts:
        raise DataError(f"{path} holds no text, expected at least one: give other data")
    return texts


def _sample(task: str) -> Sequence[Text]:
    """Return the sample: pairs for tasks of pairs, else each text of them by itself."""
    lines = _lines(files(__package__).joinpath(_SAMPLE).read_text(encoding="utf-8"))
    if task in ("multiple-choice", "question-answering"):
        return [line for line in lines if isinstance(line, tuple)]
    parts = (part for line in lines for part in ([line] if isinstance(line, str) else line))
    return list(dict.fromkeys(parts))


def _lines(text: str) -> list[Text]:
    r"""Read a text a line; a tab divides a pair.

    >>> _lines("One text.\n\nWho?\tAda did.\n")
    ['One text.', ('Who?', 'Ada did.')]
    """
    lines = [line.strip() for line in split_lines(text) if line.strip()]
    return [_text(line) for line in lines]


def _text(line: str) -> Text:
    first, tab, second = line.partition("\t")
    return (first, second) if tab else line


def _squad(path: Path) -> list[Text]:
    return [(example.question, example.context) for example in read_squad(path).examples]


def _pairs(path: Path) -> list[Text]:
    return [text for pair in read_pairs(path) for text in (pair.first, pair.second)]


def _labelled(path: Path) -> list[Text]:
    return [example.text for example in read_labelled(path)]


def _labelled_or_scored(path: Path) -> list[Text]:
    """Read what a classifier is measured on; the same class of model may give one score."""
    try:
        return _labelled(path)
    except DataError:
        with suppress(DataError):
            return [row.text for row in read_scored(path)]
        raise


def _choices(path: Path) -> list[Text]:
    questions = read_choice_questions(path)
    return [(question.prompt, choice) for question in questions for choice in question.choices]


def _conll(path: Path) -> list[Text]:
    return [sentence.text for sentence in read_conll(path)]


_READERS: Mapping[str, Callable[[Path], Sequence[Text]]] = {
    "question-answering": _squad,
    "late-interaction": _pairs,
    "sentence-similarity": _pairs,
    "feature-extraction": _pairs,
    "sparse-embedding": _pairs,
    "text-classification": _labelled_or_scored,
    "token-classification": _conll,
    "fill-mask": _labelled,
    "multiple-choice": _choices,
}
