"""What kind of evaluation file one is, to say so where another kind is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edge_distil.errors import DataError
from edge_distil.evaluate.choices import read_choice_questions
from edge_distil.evaluate.classification import read_labelled
from edge_distil.evaluate.scored import gives_one_score
from edge_distil.evaluate.spans import read_conll
from edge_distil.evaluate.squad_file import read_squad
from edge_distil.evaluate.sts import read_pairs
from edge_distil.manifest import Manifest

_SQUAD = "SQuAD JSON (v1.1 or v2.0) or rows of question, context, answers (.jsonl, .csv or .tsv)"
_PAIRS = "rows of sentence1, sentence2, score (.csv, .tsv or .jsonl)"
_LABELLED = "rows of text, label (.tsv, .csv or .jsonl)"
_CHOICES = "rows of prompt, choices, label (.jsonl, .csv or .tsv)"
_CONLL = "CoNLL (a word and its BIO tag a line) or rows of tokens, tags (.jsonl)"

_READERS: Mapping[str, Callable[[Path], Any]] = {
    _SQUAD: read_squad,
    _PAIRS: read_pairs,
    _CHOICES: read_choice_questions,
    _CONLL: read_conll,
    _LABELLED: read_labelled,
}
NEEDED: Mapping[str, str] = {
    "question-answering": _SQUAD,
    "sentence-similarity": _PAIRS,
    "late-interaction": _PAIRS,
    "feature-extraction": _PAIRS,
    "sparse-embedding": _PAIRS,
    "text-classification": _LABELLED,
    "token-classification": _CONLL,
    "fill-mask": _LABELLED,
    "multiple-choice": _CHOICES,
}


def needed_by(manifest: Manifest) -> str:
    """Return what a bundle is measured on."""
    return _PAIRS if gives_one_score(manifest) else NEEDED[manifest.task]


@contextmanager
def expecting(task: str, path: Path, needed: str | None = None) -> Iterator[None]:
    """Say of a file that cannot be read that it is of another task's kind, where it is.

    Args:
        task: The bundle's task.
        path: The file.
        needed: What it should hold, from `needed_by`; by default what the task is measured on.

    Raises:
        DataError: The block raised one, and the file is of another kind.
    """
    try:
        yield
    except DataError as error:
        needed = needed or NEEDED[task]
        found = _kind(path, needed) if path.is_file() else None
        if found in (None, needed):
            raise
        raise DataError(
            f"{path} looks like {found}, but a {task} bundle needs {needed}: give such a file, or "
            "the bundle that this one is for"
        ) from error


def _kind(path: Path, first: str) -> str | None:
    for kind in dict.fromkeys((first, *_READERS)):
        try:
            _READERS[kind](path)
        except DataError:
            continue
        return kind
    return None
