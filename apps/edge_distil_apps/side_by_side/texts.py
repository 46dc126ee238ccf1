"""What the models are asked: own-written texts that ship, or the user's, one a line."""

from __future__ import annotations

import json
from pathlib import Path

from edge_distil.bundle import Bundle
from edge_distil.encoder import Encoder, open_encoder
from edge_distil.errors import InputError
from edge_distil.rows import split_lines
from edge_distil_apps.cli import console
from edge_distil_apps.shipped import PASSAGES
from edge_distil_bench.protocol.queries import Queries, make_queries

_TEXTS = PASSAGES.with_name("texts.txt")
_FILL_MASK = "fill-mask"
# Tasks of two texts, and what they are.
_PAIRS = {"question-answering": "question<TAB>context", "multiple-choice": "prompt<TAB>choice"}

Texts = list[tuple[str, ...]]


def choose_queries(bundle: Bundle, variant: str, file: Path | None) -> Queries:
    """Return the queries that all models answer, tokenised as this bundle does.

    Args:
        bundle: The first bundle.
        variant: One of its variants.
        file: A text a line, for tasks of two both with a tab between them; the texts that ship
            where it is ``None``.

    Raises:
        InputError: A line is not as the task needs it, or needs several windows.
    """
    encoder = open_encoder(bundle.path, variant=variant)
    task = bundle.manifest.task
    if file is not None:
        texts = _read(file, task)
        return make_queries(encoder, "texts", f"{len(texts)} lines of {file.name}", texts)
    name = "questions" if task in _PAIRS else "texts"
    return fitting_queries(encoder, _shipped(task), name, f"own-written {name}, shipped")


def fitting_queries(encoder: Encoder, texts: Texts, name: str, description: str) -> Queries:
    """Return queries of texts, the long ones halved until the model reads them at once."""
    fitting = list(filter(None, (_fitted(encoder, query) for query in texts)))
    if encoder.bundle.manifest.task == _FILL_MASK:
        # In front, where it stays when a long text is cut.
        fitting = [(f"{encoder.tokenizer.mask_token} {text}",) for (text,) in fitting]
    return make_queries(encoder, name, f"{len(fitting)} {description}", fitting)


def _read(file: Path, task: str) -> Texts:
    expected = 2 if task in _PAIRS else 1
    found: Texts = []
    for number, line in enumerate(split_lines(console.read_text(file)), 1):
        if not line.strip():
            continue
        query = tuple(line.split("\t"))
        if len(query) != expected:
            wanted = _PAIRS.get(task, "one text")
            raise InputError(
                f"{file}, line {number}, has {len(query)} fields, {task} needs {wanted}"
            )
        found.append(query)
    if not found:
        raise InputError(f"{file} holds no text, expected one a line")
    return found


def _shipped(task: str) -> Texts:
    if task not in _PAIRS:
        return [(line,) for line in split_lines(_TEXTS.read_text(encoding="utf-8"))]
    articles = json.loads(PASSAGES.read_text(encoding="utf-8"))["data"]
    return [
        (question["question"], paragraph["context"])
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def _fitted(encoder: Encoder, query: tuple[str, ...]) -> tuple[str, ...] | None:
    """Halve a shipped passage until the model, which may take few tokens, reads it at once.

    A question that leaves no room for any passage is passed over.
    """
    while not _fits(encoder, query):
        words = query[-1].split()
        if len(words) == 1:
            return None
        query = (*query[:-1], " ".join(words[: len(words) // 2]))
    return query


def _fits(encoder: Encoder, query: tuple[str, ...]) -> bool:
    try:
        make_queries(encoder, "", "", [query])
    except InputError:
        return False
    return True
