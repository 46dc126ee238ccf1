"""What Python answers with the very files that a browser is given, so that it can compare."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.resources import files
from typing import Any

from edge_distil.bundle import Bundle
from edge_distil.errors import DataError, InputError
from edge_distil.tasks import Embedding, QuestionAnswering
from edge_distil_apps.study.inputs import QUESTIONS, make_inputs
from edge_distil_bench.protocol.design import QUICK
from edge_distil_bench.protocol.queries import make_queries

_VARIANTS = ("fp32", "int8", "fp16")  # those that the page compares
_QUERIES = 24
_LONGEST = 128  # tokens of a sentence
SENTENCES = "sentences"


def golden(bundle: Bundle) -> dict[str, Any]:
    """Return queries and each variant's answers; no queries where the page cannot measure.

    It cannot where it has not the task, or where no query fits into the model's longest input.

    Questions are the study's, in its order: a phone's figures stand beside a desktop's for the
    same work.
    """
    present = [name for name in _VARIANTS if name in bundle.present_variants()]
    with suppress(DataError, InputError):
        if present and bundle.manifest.task == "question-answering":
            return _answers(bundle, present)
        if present and bundle.manifest.task in ("sentence-similarity", "feature-extraction"):
            return _vectors(bundle, present)
    return {"inputs": None, "answers": {}}


def _answers(bundle: Bundle, variants: list[str]) -> dict[str, Any]:
    tasks = {name: QuestionAnswering.load(bundle.path, variant=name) for name in variants}
    encoder = next(iter(tasks.values())).encoder
    queries = make_inputs(encoder, QUICK.seed, squad=None, stsb=None, quick=True)[QUESTIONS]
    texts = queries.texts[:_QUERIES]
    answers = {
        name: [
            {"text": a.text, "score": a.score, "start": a.start, "end": a.end}
            for a in (task(question, context) for question, context in texts)
        ]
        for name, task in tasks.items()
    }
    return {"inputs": _inputs(queries.inputs, texts), "answers": answers}


def _vectors(bundle: Bundle, variants: list[str]) -> dict[str, Any]:
    tasks = {name: Embedding.load(bundle.path, variant=name) for name in variants}
    encoder = next(iter(tasks.values())).encoder
    texts = [(sentence,) for sentence in _sentences()[:_QUERIES]]
    what = f"{len(texts)} own-written sentences"
    queries = make_queries(encoder, SENTENCES, what, texts, max_length=_LONGEST)
    answers = {
        name: [[round(float(x), 6) for x in row] for row in task.encode([t for (t,) in texts])]
        for name, task in tasks.items()
    }
    return {"inputs": _inputs(queries.inputs, texts), "answers": answers}


def _sentences() -> list[str]:
    """Return own-written sentences of many lengths."""
    own = json.loads(files("edge_distil_apps.data").joinpath("study.json").read_text("utf-8"))
    return [sentence for pair in own["pairs"] for sentence in pair]


def _inputs(inputs: Any, texts: Any) -> dict[str, Any]:
    return {
        "id": inputs.id,
        "description": inputs.description,
        "tokens": list(inputs.tokens[: len(texts)]),
        "texts": [list(query) for query in texts],
    }
