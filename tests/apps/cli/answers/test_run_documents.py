"""``edge-distil run --preselect``: what the library says, whichever way the questions come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import Command, Result

import edge_distil as ed

TEXT = "The keeper lives in London. Ada was in Paris, at the river. A storm sat on the sea. " * 40
OTHER = "The old lamp was in Paris. The cat sat, and slept at the river. " * 40
ASKED = [("Who lives in London?", TEXT), ("What sat?", TEXT), ("What was in Paris?", OTHER)]


@pytest.fixture(scope="module")
def wanted(tiny: Path) -> list[list[dict[str, Any]]]:
    qa = ed.QuestionAnswering.load(tiny / "question_answering")
    embedding = ed.Embedding.load(tiny / "embedding")
    pairs = [(question, ed.Document(context, embedding)) for question, context in ASKED]
    found = qa.batch(pairs, preselect=3, top_k=2)
    assert found != qa.batch(ASKED, top_k=2)  # or nothing would be seen here
    return [[answer._asdict() for answer in answers] for answers in found]


@pytest.fixture
def flags(tiny: Path) -> list[Any]:
    return ["--preselect", "3", "--embedding", tiny / "embedding", "--top-k", "2", "--json"]


def results(done: Result) -> list[list[dict[str, Any]]]:
    assert (done.status, done.err) == (0, "")
    return [item["results"] for item in json.loads(done.out)["items"]]


def test_typed_from_a_file_and_on_stdin(
    edge_distil: Command, tiny: Path, tmp_path: Path, wanted: Any, flags: list[Any]
) -> None:
    run = ("run", tiny / "question_answering", *flags)
    for name, text in (("book.txt", TEXT), ("other.txt", OTHER)):
        (tmp_path / name).write_text(text)
    typed = [word for question, _ in ASKED[:2] for word in ("-q", question)]
    first = results(edge_distil(*run, *typed, "-c", f"@{tmp_path / 'book.txt'}"))
    last = results(edge_distil(*run, "-q", ASKED[2][0], "-c", f"@{tmp_path / 'other.txt'}"))
    assert first + last == wanted
    rows = [json.dumps({"question": question, "context": text}) for question, text in ASKED]
    (tmp_path / "asked.jsonl").write_text("\n".join(rows))
    assert results(edge_distil(*run, "--file", tmp_path / "asked.jsonl")) == wanted
    lines = "".join(f"{question}\t{text}\n" for question, text in ASKED).encode()
    assert results(edge_distil(*run, stdin=lines)) == wanted


def test_lines_are_shown_as_they_are_answered(
    edge_distil: Command, tiny: Path, wanted: Any, flags: list[Any]
) -> None:
    lines = "".join(f"{question}\t{text}\n" for question, text in ASKED).encode()
    done = edge_distil("run", tiny / "question_answering", *flags[:-1], stdin=lines)
    shown = [line.rsplit("  ", 1)[1] for line in done.out.splitlines()]
    assert shown == [f"{answer['start']}:{answer['end']}" for found in wanted for answer in found]


def test_a_context_is_embedded_once_for_the_questions_that_follow_each_other(
    edge_distil: Command, tiny: Path, flags: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    lists: list[int] = []
    encode = ed.Embedding.encode

    def counted(self: ed.Embedding, texts: Any, **options: Any) -> Any:
        if not isinstance(texts, str):
            lists.append(len(texts))
        return encode(self, texts, **options)

    monkeypatch.setattr(ed.Embedding, "encode", counted)
    lines = "".join(f"{question}\t{text}\n" for question, text in ASKED).encode()
    assert len(results(edge_distil("run", tiny / "question_answering", *flags, stdin=lines))) == 3
    assert len(lists) == 2  # texts, of three questions


def test_what_is_refused(edge_distil: Command, tiny: Path, tmp_path: Path) -> None:
    asked = [tiny / "question_answering", "-q", "Who?", "-c", "Ada lives in London."]
    minilm, many = ["--embedding", tiny / "embedding"], ["--preselect", "2"]
    labels = [tiny / "text_classification", "a storm"]
    for status, message, words in (
        *(
            (2, "value for '--preselect'", [*asked, "--preselect", wrong, *minilm])
            for wrong in ("0", "-1", "2.5", "a few", "")
        ),
        (2, "--preselect needs --embedding BUNDLE, which chooses the windows: add", asked + many),
        (2, "--embedding needs --preselect K, the number of windows: add it", asked + minilm),
        (2, "is a fill-mask bundle, expected", [*asked, *many, "--embedding", tiny / "fill_mask"]),
        (2, "--preselect is not for a text-classification", labels + many + minilm),
        (2, "--embedding is not for a text-classification", labels + minilm),
        (1, "no bundle at", [*asked, *many, "--embedding", tmp_path / "nowhere"]),
    ):
        done = edge_distil("run", *words)
        said = " ".join(done.err.replace("│", " ").split())
        assert (done.status, done.out) == (status, ""), said
        assert message in said
        assert "Traceback" not in said


def test_a_line_that_cannot_be_answered_is_named(
    edge_distil: Command, tiny: Path, flags: list[Any]
) -> None:
    lines = b"Who?\tAda lives in London.\nWho?\t \n"
    for words in (flags, flags[:-1]):
        done = edge_distil("run", tiny / "question_answering", *words, stdin=lines)
        assert done.status == 1
        assert "line 2 of stdin: the context is ' ', expected some text" in done.err
