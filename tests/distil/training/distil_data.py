"""Tiny teachers and what they teach on, for the tests of training."""

from __future__ import annotations

import json
from pathlib import Path

import tiny

WORDS = "the dog sleeps in Paris and the fox lives in London over the lazy café".split()


def squad(path: Path, questions: int = 24) -> Path:
    """Questions about one word each, in contexts of different lengths."""
    paragraphs = []
    for number in range(questions):
        words = (WORDS * 3)[number % 7 : number % 7 + 6 + number % 11]
        answer = words[number % len(words)]
        start = len(" ".join([*words[: number % len(words)], ""]))
        answers = [{"text": answer, "answer_start": start}]
        qas = [{"id": str(number), "question": f"who lives {number}", "answers": answers}]
        paragraphs.append({"context": " ".join(words), "qas": qas})
    whole = {"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def texts(path: Path, lines: int = 40) -> Path:
    """Texts of different lengths."""
    found = [" ".join((WORDS * 4)[n % 9 : n % 9 + 12 + n % 13]) + f" {n}" for n in range(lines)]
    path.write_text("\n".join(found) + "\n", encoding="utf-8")
    return path


def labelled(path: Path, lines: int = 40) -> Path:
    """Texts with one of two classes each."""
    rows = (f"{WORDS[n % 15]} {WORDS[n * 7 % 15]} {n}\t{n % 15 % 2}" for n in range(lines))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def tagged(path: Path, lines: int = 20) -> Path:
    """Words with tags."""
    sentences = ["\n".join(f"{word} {'O' if (i + n) % 3 else 'B-PER'}"
                           for i, word in enumerate(WORDS[n % 5 : n % 5 + 6]))
                 for n in range(lines)]  # fmt: skip
    path.write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    return path


DATA = {
    "question-answering": (squad, "train.json"),
    "fill-mask": (texts, "train.txt"),
    "text-classification": (labelled, "train.tsv"),
    "token-classification": (tagged, "train.conll"),
    "feature-extraction": (texts, "train.txt"),
}


def teacher(folder: Path, task: str, family: str = "bert", **options: object) -> Path:
    """A tiny checkpoint of four layers."""
    if task == "token-classification":
        options = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER"}, **options}
    return tiny.save_checkpoint(folder / family, family, task, num_hidden_layers=4, **options)


def data(folder: Path, task: str) -> Path:
    """A file that a task learns from."""
    make, name = DATA[task]
    return make(folder / name)


def read_back(file: Path) -> list[tuple[str, ...]]:
    """The texts of a file that `data` made, or its questions with their contexts."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        [article] = json.loads(text)["data"]
        return [(p["qas"][0]["question"], p["context"]) for p in article["paragraphs"]]
    if file.suffix == ".conll":
        sentences = [block.splitlines() for block in text.strip().split("\n\n")]
        return [(" ".join(line.split()[0] for line in lines),) for lines in sentences]
    return [(line.split("\t")[0],) for line in text.splitlines()]
