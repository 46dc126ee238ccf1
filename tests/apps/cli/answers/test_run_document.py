"""``edge-distil run --json``: one shape, whatever was asked and wherever it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import Command

import edge_distil as ed

QA = [("Who keeps the light?", "Ada keeps the light."), ("What sat?", "The cat sat, and slept.")]
ITEM = {"id", "input", "results"}


def document(edge_distil: Command, *words: str | Path, stdin: bytes | None = None) -> Any:
    done = edge_distil("run", *words, "--json", stdin=stdin)
    assert done.status == 0, done.err
    found = json.loads(done.out)
    assert list(found) == ["bundle", "task", "variant", "items"]
    assert all(set(item) == ITEM for item in found["items"])
    return found


def rows(path: Path, *objects: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))
    return path


def test_questions_from_everywhere(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    bundle = tiny / "question_answering"
    task = ed.load(bundle, task="question-answering")
    wanted = [
        {"question": asks, "context": text, "results": [task(asks, text)._asdict()]}
        for asks, text in QA
    ]
    plain = [{"question": asks, "context": text} for asks, text in QA]
    lines = "".join(f"{asks}\t{text}\n" for asks, text in QA).encode()
    jsonl = rows(tmp_path / "asked.jsonl", *plain)
    ways = [
        document(edge_distil, bundle, "--file", jsonl)["items"],
        document(edge_distil, bundle, stdin=lines)["items"],
        document(edge_distil, bundle, "--jsonl", stdin=jsonl.read_bytes())["items"],
        [
            item
            for asks, text in QA
            for item in document(edge_distil, bundle, "-q", asks, "-c", text)["items"]
        ],
    ]
    for items in ways:
        assert [{**item["input"], "results": item["results"]} for item in items] == wanted
        assert [item["id"] for item in items] == [None, None]


def test_the_variant_and_the_bundle_are_named(edge_distil: Command, tiny: Path) -> None:
    for variant in ("fp32", "int8"):
        found = document(edge_distil, tiny / "fill_mask", "a [MASK]", "--variant", variant)
        assert (found["variant"], found["task"]) == (variant, "fill-mask")
        assert Path(found["bundle"]) == tiny / "fill_mask"


@pytest.mark.parametrize("number", [7, "seven", None])
def test_ids_are_kept_as_they_are(
    number: Any, edge_distil: Command, tiny: Path, tmp_path: Path
) -> None:
    """Of every kind of file that can hold them, and of stdin."""
    bundle, qa = tiny / "text_classification", tiny / "question_answering"
    file = rows(tmp_path / "a.jsonl", {"id": number, "text": "storm"}, {"text": "lamp"})
    for words, stdin in ((("--file", file), None), (("--jsonl",), file.read_bytes())):
        items = document(edge_distil, bundle, *words, stdin=stdin)["items"]
        assert [(item["id"], item["input"]) for item in items] == [
            (number, "storm"),
            (None, "lamp"),
        ]
    question = {"id": number, "question": QA[0][0], "answers": []}
    paragraph = {"context": QA[0][1], "qas": [question]}
    squad = tmp_path / "squad.json"
    squad.write_text(json.dumps({"version": "v2.0", "data": [{"paragraphs": [paragraph]}]}))
    assert [item["id"] for item in document(edge_distil, qa, "--file", squad)["items"]] == [number]


def test_ids_of_a_table(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("id,text\n007,storm\nb,lamp\n")
    for bundle in ("text_classification", "embedding", "token_classification"):
        items = document(edge_distil, tiny / bundle, "--file", table)["items"]
        assert [item["id"] for item in items] == ["007", "b"]


def test_every_mask_and_every_vector_is_of_its_text(edge_distil: Command, tiny: Path) -> None:
    texts = ["a [MASK] and a [MASK]", "the [MASK]"]
    task = ed.FillMask.load(tiny / "fill_mask")
    items = document(edge_distil, tiny / "fill_mask", *texts)["items"]
    assert [item["input"] for item in items] == texts
    for item in items:
        said = [
            {"mask": number, **one._asdict()}
            for number, block in enumerate(task.each_mask(item["input"]))
            for one in block
        ]
        assert item["results"] == said
    vectors = ed.Embedding.load(tiny / "embedding").encode(texts)
    items = document(edge_distil, tiny / "embedding", *texts)["items"]
    assert [item["results"] for item in items] == [[{"vector": v}] for v in vectors.tolist()]


def test_several_questions_of_one_context(edge_distil: Command, tiny: Path) -> None:
    """Not the last one alone."""
    bundle, context = tiny / "question_answering", QA[1][1]
    asked = ["What sat?", "What slept?"]
    typed = [word for text in asked for word in ("-q", text)]
    items = document(edge_distil, bundle, *typed, "-c", context)["items"]
    assert [item["input"]["question"] for item in items] == asked
    task = ed.load(bundle, task="question-answering")
    assert [item["results"][0]["text"] for item in items] == [
        task(text, context).text for text in asked
    ]
    shown = edge_distil("run", bundle, *typed, "-c", context).out
    assert len(shown.splitlines()) == 2
