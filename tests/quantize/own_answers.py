"""Evaluation data that fp32 gets wholly right: what it answers itself to random questions."""

from __future__ import annotations

import json
import random
from pathlib import Path

from edge_distil.bundle import Bundle
from edge_distil.evaluate.predict import MAX_ANSWER_LEN
from edge_distil.tasks import QuestionAnswering


def write_answers(bundle: Bundle, path: Path, count: int = 60) -> Path:
    """Write a SQuAD file of `count` questions with the fp32 variant's answers as the truth."""
    source, task = random.Random(1), QuestionAnswering.load(bundle.path, variant="fp32")
    paragraphs = []
    for index in range(count):
        context = " ".join("".join(source.choices("abcdefgh", k=2)) for _ in range(9))
        question = "".join(source.choices("ijklmnop", k=3))
        answer = task(question, context, max_answer_len=MAX_ANSWER_LEN)
        truth = [{"text": answer.text, "answer_start": answer.start}]
        asked = {"id": str(index), "question": question, "answers": truth}
        paragraphs.append({"context": context, "qas": [asked]})
    document = {"version": "1.1", "data": [{"title": "own", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
