"""What was typed after ``run BUNDLE``, and what of it the bundle's task takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer

_ROWS = ("--file", "--jsonl")
# Task -> what it takes, as it is typed; whatever else was typed would be passed over in silence.
_TAKEN = {
    "question-answering": (
        "--question", "--context", *_ROWS, "--top-k", "--preselect", "--embedding",
    ),
    "text-classification": (
        "TEXT", "--pair", "--question", "--labels", "--template", "--multi-label", *_ROWS,
        "--top-k",
    ),
    "multiple-choice": ("TEXT", "--question", *_ROWS, "--top-k"),
    "token-classification": ("TEXT", *_ROWS),
    "fill-mask": ("TEXT", *_ROWS, "--top-k"),
    "feature-extraction": ("TEXT", *_ROWS),
    "late-interaction": ("TEXT", "--question", *_ROWS, "--top-k"),
    "sentence-similarity": ("TEXT", *_ROWS),
    "sparse-embedding": ("TEXT", *_ROWS, "--top-k"),
}  # fmt: skip
# Pairs that contradict each other, whatever the task, and what to do.
_APART = (
    ("--labels", "--question", "labels are of texts: leave one of them out"),
    ("--labels", "--pair", "labels are of texts: leave one of them out"),
    ("--pair", "--question", "give the pair's first text as TEXT"),
    ("--pair", "--file", "a file's pairs are its columns text and text_pair: leave --pair out"),
    ("TEXT", "--file", "put all texts in the file, or leave it out"),
    ("TEXT", "--jsonl", "it says how stdin is read: leave it out"),
    ("--file", "--jsonl", "it says how stdin is read: leave it out, a file's name says how it is"),
)
_ALONE = (  # for questions, which are asked of one context, and prompts with choices
    ("--question", "--file", "put all questions in the file, or leave it out"),
    ("--question", "--jsonl", "it says how stdin is read: leave it out"),
    ("--context", "--file", "a file's contexts stand in it: leave --context out"),
)
# For these, too: what is nothing without another, and what the other is.
_NEEDED = {
    "question-answering": (
        ("--question", "--context", "TEXT, @FILE or - for stdin"),
        ("--context", "--question", "TEXT"),
        ("--preselect", "--embedding", "BUNDLE, which chooses the windows"),
        ("--embedding", "--preselect", "K, the number of windows"),
    ),
    "multiple-choice": (
        ("--question", "TEXT", "for each choice"),
        ("TEXT", "--question", "PROMPT"),
    ),
}


@dataclass(frozen=True)
class Asked:
    """What was typed; see the options of `run`."""

    texts: list[str]
    questions: list[str]
    context: str | None
    pair: str | None
    top_k: int | None
    file: Path | None
    jsonl: bool
    json: bool
    labels: str | None = None
    template: str | None = None
    multi_label: bool = False
    preselect: int | None = None
    embedding: Path | None = None

    @property
    def typed(self) -> list[str]:
        """The names of what was typed."""
        found = {
            "TEXT": bool(self.texts),
            "--question": bool(self.questions),
            "--context": self.context is not None,
            "--pair": self.pair is not None,
            "--labels": self.labels is not None,
            "--template": self.template is not None,
            "--multi-label": self.multi_label,
            "--file": self.file is not None,
            "--jsonl": self.jsonl,
            "--top-k": self.top_k is not None,
            "--preselect": self.preselect is not None,
            "--embedding": self.embedding is not None,
        }
        return [name for name, is_there in found.items() if is_there]


def check(asked: Asked, task: str) -> None:
    """Refuse what a task would pass over, and what contradicts itself.

    Args:
        asked: What was typed.
        task: The bundle's, as its manifest names it.

    Raises:
        BadParameter: Something is.
    """
    typed, taken = asked.typed, _TAKEN[task]
    if other := next((name for name in typed if name not in taken), None):
        raise typer.BadParameter(_not_taken(other, task, taken))
    needed = _NEEDED.get(task)
    for first, second, remedy in _APART + (_ALONE if needed else ()):
        if first in typed and second in typed:
            raise typer.BadParameter(f"{first} and {second} do not go together: {remedy}")
    for first, second, what in needed or ():
        if first in typed and second not in typed:
            raise typer.BadParameter(f"{first} needs {second} {what}: add it")
    if task == "late-interaction" and not asked.questions:
        raise typer.BadParameter(
            "a late-interaction bundle puts TEXTs in order for a query: give --question TEXT"
        )
    if asked.labels is None and (asked.template is not None or asked.multi_label):
        raise typer.BadParameter("--template and --multi-label go with --labels: give it")
    if asked.pair is not None and len(asked.texts) != 1:
        raise typer.BadParameter(
            f"--pair goes with one TEXT, got {len(asked.texts)}: give the pair's first text as TEXT"
        )


def _not_taken(name: str, task: str, taken: tuple[str, ...]) -> str:
    """Say what a task takes, where something else was typed."""
    listed = f"{', '.join(taken[:-1])} and {taken[-1]}"
    asks = task == "question-answering" and name in ("TEXT", "--pair")
    remedy = "ask it with --question Q --context TEXT|@FILE|-" if asks else f"leave {name} out"
    return f"{name} is not for a {task} bundle, which takes {listed}: {remedy}"
