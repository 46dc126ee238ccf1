"""Ten facts in a story of 100,000 words: trained models find them, in all windows and in 8."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import shelf
import trained
from command import Command
from long_story import FACTS, story

ASKED = [word for fact in FACTS for word in ("-q", fact.question)]
MEMORY = 200e6  # bytes above what the models themselves take

SCRIPT = """
import sys
from pathlib import Path
import edge_distil as ed
from edge_distil_bench.costs.memory import peak, resident
qa_path, embedding_path, variant, file, question = sys.argv[1:]
text = Path(file).read_text(encoding="utf-8")
short = text[:2000]
qa = ed.QuestionAnswering.load(qa_path, variant=variant)
qa(question, short)
if embedding_path != "none":
    embedding = ed.Embedding.load_for_bulk(embedding_path, variant=variant)
    qa(question, ed.Document(short, embedding), preselect=8)
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = resident()
if embedding_path != "none":
    qa(question, ed.Document(text, embedding), preselect=8)
else:
    qa(question, text)
print(peak() - before)
"""


@pytest.fixture(scope="module")
def minilm() -> Path:
    """all-MiniLM-L6-v2, which reads 256 tokens: less than a window of 384."""
    from edge_distil_export import export_bundle
    from edge_distil_quantize import quantize_bundle

    checkpoint = trained.minilm()

    def make(folder: Path) -> None:
        quantize_bundle(export_bundle(checkpoint, folder), "int8")

    return shelf.keep("minilm-int8", make, checkpoint)


@pytest.mark.parametrize("words", [10_000, 100_000], ids="{:,} words".format)
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_planted_answers_are_found(
    words: int, embedded_bundle: Path, minilm: Path, tmp_path: Path, edge_distil: Command
) -> None:
    text = story(words)
    assert len(text.split()) >= words
    (tmp_path / "story.txt").write_text(text, encoding="utf-8")
    few = ["--preselect", "8", "--embedding", minilm]
    for flags in ([], few):
        done = edge_distil(
            "run", embedded_bundle, "--variant", "int8", "--json", *ASKED,
            "-c", f"@{tmp_path / 'story.txt'}", *flags,
        )  # fmt: skip
        assert done.status == 0, done.err
        for fact, item in zip(FACTS, json.loads(done.out)["items"], strict=True):
            [found] = item["results"]
            place = text.index(fact.sentence)
            assert fact.answer in found["text"], (fact, found)
            assert text[found["start"] : found["end"]] == found["text"]
            assert place <= found["start"] < found["end"] <= place + len(fact.sentence)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("variant", ["fp32", "int8"])
@pytest.mark.parametrize("chosen", [False, True], ids=["all windows", "8 windows"])
def test_100_000_words_take_little_memory(
    chosen: bool, variant: str, embedded_bundle: Path, minilm: Path, tmp_path: Path
) -> None:
    file = tmp_path / "story.txt"
    file.write_text(story(100_000), encoding="utf-8")
    words: list[Any] = [embedded_bundle, minilm if chosen else "none", variant, file]
    command = [sys.executable, "-c", SCRIPT, *map(str, words), FACTS[0].question]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(done.stdout) < MEMORY
