"""``edge-distil run`` on a file, and on questions of stdin: as one question alone is answered."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from command import Command

import edge_distil as ed

ASKED = [("Who keeps the light?", "Ada keeps the light."), ("What sat?", "The cat sat, and slept.")]


def write(path: Path, rows: list[tuple[str, ...]], *names: str) -> Path:
    """By the standard library, or as SQuAD's authors nest them."""
    if path.suffix in (".csv", ".tsv"):
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerows([names, *rows])
    elif path.suffix == ".jsonl":
        path.write_text(
            "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
        )
    elif path.suffix == ".json":
        paragraphs = [
            {"context": context, "qas": [{"id": "1", "question": asked}]} for asked, context in rows
        ]
        path.write_text(json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}))
    else:
        path.write_text("".join("\t".join(row) + "\n\n" for row in rows))
    return path


def answers(out: str) -> list[str]:
    """The text of each answer."""
    return [item["results"][0]["text"] for item in json.loads(out)["items"]]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".txt"])
def test_questions_of_a_file(suffix: str, tiny: Path, edge_distil: Command, tmp_path: Path) -> None:
    bundle = tiny / "question_answering"
    file = write(tmp_path / f"asked{suffix}", ASKED, "question", "context")
    wanted = [ed.load(bundle, task="question-answering")(*pair).text for pair in ASKED]
    done = edge_distil("run", bundle, "--file", file, "--json")
    assert answers(done.out) == wanted
    items = json.loads(done.out)["items"]
    assert [item["input"]["question"] for item in items] == [q for q, _ in ASKED]
    lines = edge_distil("run", bundle, "--file", file).out.splitlines()
    assert [line.split("  ")[1] for line in lines] == wanted


@pytest.mark.parametrize("jsonl", [True, False])
def test_questions_of_stdin(jsonl: bool, tiny: Path, edge_distil: Command, tmp_path: Path) -> None:
    bundle = tiny / "question_answering"
    file = write(tmp_path / ("a.jsonl" if jsonl else "a.txt"), ASKED, "question", "context")
    flags = ["--jsonl"] if jsonl else []
    done = edge_distil("run", bundle, *flags, stdin=file.read_bytes())
    assert (done.status, done.err) == (0, "")
    assert done.out == edge_distil("run", bundle, "--file", file).out


def test_texts_and_pairs_of_a_file(tiny: Path, edge_distil: Command, tmp_path: Path) -> None:
    bundle = tiny / "text_classification"
    texts = ["a storm, and a lamp", "fine"]
    file = write(tmp_path / "texts.csv", [(text,) for text in texts], "text")
    assert edge_distil("run", bundle, "--file", file).out == edge_distil("run", bundle, *texts).out
    file = write(tmp_path / "pairs.tsv", [("a storm", "a lamp")], "text", "text_pair")
    pair = edge_distil("run", bundle, "a storm", "--pair", "a lamp")
    assert edge_distil("run", bundle, "--file", file).out == pair.out


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_wrong_row_is_named(
    flags: list[str], tiny: Path, edge_distil: Command, tmp_path: Path
) -> None:
    bundle = tiny / "question_answering"
    file = tmp_path / "asked.txt"
    file.write_text("Who?\tAda.\n \tAda.\n")
    done = edge_distil("run", bundle, "--file", file, *flags)
    assert done.status == 1
    assert f"line 2 of {file}: the question is" in done.err
    file.write_text("Who?\tAda.\nWho? Ada.\n")
    done = edge_distil("run", bundle, "--file", file, *flags)
    assert f"line 2 of {file} has no tab between question and context" in done.err
    file = write(tmp_path / "asked.csv", [("Who?", "")], "question", "context")
    done = edge_distil("run", bundle, "--file", file, *flags)
    assert f"{file}, line 2: context is ''" in done.err


def test_what_contradicts_itself_is_wrong_usage(tiny: Path, edge_distil: Command) -> None:
    for words in (["-q", "Who?", "-c", "Ada.", "--file", "x.csv"], ["some text"], ["-c", "Ada."]):
        done = edge_distil("run", tiny / "question_answering", *words)
        assert done.status == 2
        assert "--question" in done.err
    done = edge_distil("run", tiny / "text_classification", "a", "--file", "x.csv")
    assert done.status == 2
    done = edge_distil("run", tiny / "question_answering", stdin=b"")
    assert done.status == 1
    assert "question, tab, context" in done.err
