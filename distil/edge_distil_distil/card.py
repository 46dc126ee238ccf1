"""The student's model card: where it comes from, how good it is, and what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TAGS = {
    "sentence-similarity": "sentence-transformers",
    "feature-extraction": "transformers",
}


def card(record: Mapping[str, Any]) -> str:
    """Write the card of a record; see `edge_distil_distil.api`."""
    task, recipe = record["task"], record["recipe"]
    lines = [
        "---",
        f"library_name: {_TAGS.get(task, 'transformers')}",
        f"pipeline_tag: {task}",
        "tags: [distillation, edge-distil]",
        "---",
        "",
        f"# A student of {' and '.join(t['name'] for t in record['teachers'])}",
        "",
        f"{_first(record)} Made by edge-distil {record['version']}.",
        "",
        *_scores(record),
        "## Recipe",
        "",
        *_table(("", ""), _recipe(record, recipe)),
        "",
        "## Limits",
        "",
        *(f"- {line}" for line in _limits(record)),
        "",
    ]
    return "\n".join(lines)


def _first(record: Mapping[str, Any]) -> str:
    student = record["student"]
    begun = (
        "began from random weights"
        if student["random"]
        else f"began as layers {', '.join(map(str, student['layers']))} of {student['from']}"
    )
    return (
        f"A {student['class']} of {len(student['layers'])} layers and "
        f"{student['parameters'] / 1e6:.1f} M parameters for {record['task']}, which {begun} "
        f"({student['parameters_of_origin'] / 1e6:.1f} M)."
    )


def _scores(record: Mapping[str, Any]) -> list[str]:
    scores = record["scores"]
    if not scores:
        return ["It was not scored: no evaluation file was given.", ""]
    ours, theirs = scores["student"], scores.get("teacher", {})
    rows = [
        (name, f"{value:.2f}", *([f"{theirs[name]:.2f}"] if name in theirs else ["not measured"]))
        for name, value in ours.items()
    ]
    return [
        "## Scores",
        "",
        f"On {scores['data']} (sha256 {scores['sha256'][:12]}…), in PyTorch before any export:",
        "",
        *_table(("", "student", "teacher"), rows),
        "",
    ]


def _recipe(record: Mapping[str, Any], recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    losses = ", ".join(f"{name} {weight:g}" for name, weight in recipe["weights"].items())
    run = record["run"]
    return [
        ("losses and weights", losses),
        ("temperature", f"{recipe['temperature']:g}"),
        ("data", ", ".join(f"{n} (sha256 {s[:12]}…)" for n, s in record["data"].items())),
        ("examples", f"{record['examples']:,}"),
        ("steps, passes", f"{run['steps']:,}, {run['epochs']:.2f}"),
        ("time", f"{run['seconds'] / 60:.1f} min on {run['device']}, {run['threads']} threads"),
        ("batch, learning rate", f"{recipe['batch_size'] * recipe['accumulate']}, "
         f"{recipe['learning_rate']:g}"),
        ("precision, seed", f"{recipe['precision']}, {recipe['seed']}"),
    ]  # fmt: skip


def _limits(record: Mapping[str, Any]) -> list[str]:
    lines = [
        "It knows what its teacher and its data know, and has their biases.",
        "One seed is one draw: another seed gives other scores.",
        "It was made for texts like those it was trained on; nothing else was measured.",
    ]
    if record["recipe"]["minutes"]:
        lines.append("Its training ended by the clock: a faster machine gives another student.")
    if record["student"]["new"]:
        lines.append(
            f"New weights without a counterpart in the teacher: {record['student']['new']}."
        )
    return lines


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]
