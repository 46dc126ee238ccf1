"""``run`` and ``eval`` of multiple choice: what transformers says, however it is asked."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Command

TOLERANCE = 1e-5


@pytest.fixture
def known(truth: Callable[[str], dict[str, Any]]) -> list[tuple[str, list[str], list[float]]]:
    """Prompts, their choices, and the probability of each."""
    said = truth("multiple_choice")
    pairs = zip(said["questions"], said["probabilities"], strict=True)
    return [(prompt, choices, scores) for (prompt, choices), scores in pairs]


@pytest.fixture
def bundle(tiny: Path) -> Path:
    return tiny / "multiple_choice"


def items(text: str) -> list[dict[str, Any]]:
    document = json.loads(text)
    assert document["task"] == "multiple-choice"
    found: list[dict[str, Any]] = document["items"]
    return found


def check(found: list[dict[str, Any]], known: Any) -> None:
    for item, (prompt, choices, scores) in zip(found, known, strict=True):
        assert item["input"] == {"prompt": prompt, "choices": choices}
        best = sorted(range(len(scores)), key=lambda place: -scores[place])
        assert [(r["index"], r["text"]) for r in item["results"]] == [(n, choices[n]) for n in best]
        assert [r["score"] for r in item["results"]] == pytest.approx(
            [scores[n] for n in best], abs=TOLERANCE
        )


def write(folder: Path, known: Any, labels: list[Any]) -> list[Path]:
    """Write the same questions as JSON lines, as one list, and as tables."""
    rows = [
        {"id": n, "prompt": prompt, "choices": choices, "label": label}
        for n, ((prompt, choices, _), label) in enumerate(zip(known, labels, strict=True))
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "rows.json").write_text(json.dumps(rows))
    for suffix, delimiter in (("csv", ","), ("tsv", "\t")):
        with (folder / f"rows.{suffix}").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows({**row, "choices": json.dumps(row["choices"])} for row in rows)
    return sorted(folder.glob("rows.*"))


def test_rows_and_lines_and_what_is_typed(
    known: Any, bundle: Path, edge_distil: Command, tmp_path: Path
) -> None:
    known = [one for one in known if one[0]]  # an empty prompt is none of a file
    for file in write(tmp_path, known, [0] * len(known)):
        found = items(edge_distil("run", bundle, "--file", file, "--json").out)
        check(found, known)
        wanted = [*map(str, range(len(known)))] if file.suffix in (".csv", ".tsv") else [
            *range(len(known))
        ]  # fmt: skip
        assert [item["id"] for item in found] == wanted
    lines = (tmp_path / "rows.jsonl").read_bytes()
    check(items(edge_distil("run", bundle, "--jsonl", "--json", stdin=lines).out), known)
    tabbed = "".join("\t".join([prompt, *choices]) + "\n" for prompt, choices, _ in known)
    check(items(edge_distil("run", bundle, "--json", stdin=tabbed.encode()).out), known)
    prompt, choices, scores = known[0]
    check(items(edge_distil("run", bundle, "-q", prompt, *choices, "--json").out), known[:1])
    shown = edge_distil("run", bundle, "-q", prompt, "--top-k", "1", *choices).out
    best = scores.index(max(scores))
    assert shown.split() == [f"{scores[best]:.4f}", str(best), *choices[best].split()]
    streamed = edge_distil("run", bundle, "--top-k", "1", stdin=tabbed.encode()).out.splitlines()
    assert len(streamed) == len(known)


def test_accuracy(known: Any, bundle: Path, edge_distil: Command, tmp_path: Path) -> None:
    known = [one for one in known if one[0]]
    best = [scores.index(max(scores)) for _, _, scores in known]
    names = [choices[place] for (_, choices, _), place in zip(known, best, strict=True)]
    wrong = [(best[0] + 1) % len(known[0][1]), *best[1:]]
    for labels, accuracy in ((best, 100), (names, 100), (wrong, 100 * (1 - 1 / len(known)))):
        for file in write(tmp_path, known, labels):
            said = json.loads(edge_distil("eval", bundle, "--data", file, "--json").out)
            assert said["fp32"]["metrics"] == {"accuracy": pytest.approx(accuracy)}, file
            assert said["fp32"]["task"] == said["int8"]["task"] == "multiple-choice"
            assert said["int8"]["fidelity"]["agreement"] == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"choices": "a, b"}, "choices is 'a, b', expected a list of texts"),
        ({"choices": []}, "choices is [], expected a list of texts"),
        ({"choices": ["a", 3]}, "choices is ['a', 3], expected a list of texts"),
        ({"choices": {"0": "a"}}, "expected a list of texts"),
        ({"label": 2}, "the label is 2, expected the place of one of 2 choices, from 0, or its"),
        ({"label": -1}, "the label is -1, expected the place"),
        ({"label": "C"}, "the label is 'C', expected the place"),
        ({"label": "9" * 5000}, "the label is '999"),
        (
            {"choices": ["2", "3", "1"], "label": "1"},
            "the label is '1', the place of one choice, from 0, and the text of another",
        ),
        ({"label": True}, "the label is True, expected the place"),
        ({"label": None}, "the label is None, expected the place"),
        ({"prompt": ""}, "prompt is '', expected a text that is not blank"),
    ],
)
def test_rows_that_say_nothing(
    row: dict[str, Any], message: str, bundle: Path, edge_distil: Command, tmp_path: Path
) -> None:
    good = {"prompt": "who", "choices": ["a", "b"], "label": 0}
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(good | row)}\n")
    commands = [["eval", bundle, "--data", tmp_path / "a.jsonl"]]
    if "label" not in row:
        commands.append(["run", bundle, "--file", tmp_path / "a.jsonl"])
    for words in commands:
        done = edge_distil(*words)
        said = " ".join(done.err.split())
        assert (done.status, done.out) == (1, "")
        assert message in said
        assert "line 2" in said


def test_what_is_typed_wrongly(bundle: Path, edge_distil: Command, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("who\tit\n")
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,score\na,b,1\n")
    for status, message, words in (
        (2, "--question needs TEXT for each choice", ["-q", "who"]),
        (2, "TEXT needs --question PROMPT", ["a", "b"]),
        (2, "--question and --file do not go", ["-q", "a", "--file", tmp_path / "a.tsv"]),
        (2, "--labels is not for a multiple-choice", ["-q", "a", "b", "--labels", "x"]),
        (2, "--context is not for a multiple-choice", ["-q", "a", "-c", "b"]),
        (1, "expected prompt, choices: rename", ["--file", tmp_path / "pairs.csv"]),
    ):
        done = edge_distil("run", bundle, *words)
        assert (done.status, done.out) == (status, "")
        assert message in " ".join(done.err.replace("│", " ").split())
    for line, message in (
        (b"no tab\n", "line 1 of stdin has no tab between prompt and choices"),
        (b"", "stdin holds no prompt, expected prompt, tab, choice"),
        (b"who\t\xff\n", "stdin is not UTF-8 text"),
    ):
        done = edge_distil("run", bundle, stdin=line)
        assert (done.status, done.out) == (1, "")
        assert message in " ".join(done.err.split())
    done = edge_distil("run", bundle, "--jsonl", stdin=b'{"prompt": "a", "choices": "b"}\n')
    assert "has 'b' as its choices, expected a list of strings" in " ".join(done.err.split())
    done = edge_distil("eval", bundle, "--data", tmp_path / "pairs.csv")
    said = " ".join(done.err.split())
    assert "looks like rows of sentence1, sentence2, score" in said
    assert "needs rows of prompt, choices, label" in said


def test_inspect_and_a_trial(bundle: Path, edge_distil: Command) -> None:
    shown = edge_distil("inspect", bundle).out
    assert "multiple-choice" in shown
    assert "AutoModelForMultipleChoice" in " ".join(shown.split())
    words = ["run", bundle, "-q", "who", "a", "b"]
    assert edge_distil(*words, "--untrusted").out == edge_distil(*words).out
