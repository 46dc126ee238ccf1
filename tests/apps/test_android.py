"""The Kotlin of apps/android beside the Python runtime and the tokenizers library.

apt-get install kotlin
pytest -m slow tests/apps/test_android.py
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from golden_tokenizers import TEXTS, fuzzed, make_unigram, open_tokenizers, sample
from kotlin_check import ABSENT, COMPILER, Kotlin, compiled, expected
from tokenizers import Tokenizer
from tokenizers_of_every_kind import KINDS

from edge_distil import Embedding, QuestionAnswering
from edge_distil.manifest import FILE_NAME

GOLDEN = Path(__file__).parents[1] / "golden"
TINY = GOLDEN / "tiny"
FUZZED, SEED = 5_000, 2
PAIRS, MAXIMA = 300, (12, 33)
LONG_WORD, PATIENCE = 6_000, 60  # times, and seconds: the square took minutes
STEP = 251  # of the characters, where not all of them are tried
SCORES, VECTORS = 1e-5, 1e-6  # between two orders of adding up in float32
MIXED = " 東京 é 🙂 naïve\u00a0river . "
LONG = "The old lighthouse keeper lives in London . Ada works for ACME in Paris . " * 12

pytestmark = [pytest.mark.slow, pytest.mark.skipif(COMPILER is None, reason=ABSENT)]

TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "wordpiece": lambda: open_tokenizers()["wordpiece"],
    "bpe": lambda: open_tokenizers()["bpe"],
    "unigram": lambda: open_tokenizers()["unigram"],
    "unigram-compiled": lambda: make_unigram(sample(), compiled=True),
}


@pytest.fixture(scope="module")
def kotlin(tmp_path_factory: pytest.TempPathFactory) -> Kotlin:
    return compiled(tmp_path_factory.mktemp("kotlin"))


def characters(step: int = 1) -> list[str]:
    return [chr(code) for code in range(0, 0x110000, step) if not 0xD800 <= code < 0xE000]


def squad_texts() -> list[str]:
    """The questions and passages of SQuAD, where they are at hand."""
    if "EDGE_DISTIL_DATA" not in os.environ:
        return []
    data = json.loads(Path(os.environ["EDGE_DISTIL_DATA"], "squad", "dev.json").read_text("utf-8"))
    paragraphs = [paragraph for article in data["data"] for paragraph in article["paragraphs"]]
    asked = [one["question"] for paragraph in paragraphs for one in paragraph["qas"]]
    return [*asked, *(paragraph["context"] for paragraph in paragraphs)]


def check_tokens(
    kotlin: Kotlin,
    tokenizer: Tokenizer,
    folder: Path,
    rows: list[tuple[str, str | None]],
    maximum: int | None = None,
) -> None:
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    found = kotlin.ask("tokens", path, [[*row, maximum] for row in rows])
    wanted = expected(tokenizer, rows, maximum)
    pairs = zip(rows, found, wanted, strict=True)
    different = [(row, own, other) for row, own, other in pairs if own != other]
    assert not different, f"{len(different)} differ: {different[:3]}"


def test_the_golden_cases_give_the_recorded_tokens(kotlin: Kotlin, tmp_path: Path) -> None:
    cases = json.loads((GOLDEN / "tokenizers" / "cases.json").read_text("utf-8"))
    for name, tokenizer in open_tokenizers().items():
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        lines = [[case["text"], None, None] for case in cases]
        found = kotlin.ask("tokens", tmp_path / "tokenizer.json", lines)
        assert found == [case[name] for case in cases]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_every_character_and_random_texts_give_the_librarys_tokens(
    name: str, kotlin: Kotlin, tmp_path: Path
) -> None:
    texts = [*TEXTS, *fuzzed(FUZZED, SEED), *characters(), *squad_texts()]
    texts += [f"a{character}b" for character in characters(STEP // 8)]
    check_tokens(kotlin, TOKENIZERS[name](), tmp_path, [(text, None) for text in texts])


def test_a_long_word_takes_no_square_of_its_length(kotlin: Kotlin, tmp_path: Path) -> None:
    started = time.monotonic()
    check_tokens(kotlin, TOKENIZERS["bpe"](), tmp_path, [("lighthouse" * LONG_WORD, None)])
    assert time.monotonic() - started < PATIENCE


@pytest.mark.parametrize("name", KINDS)
def test_tokenizers_of_every_kind_give_the_librarys_tokens(
    name: str, kotlin: Kotlin, tmp_path: Path
) -> None:
    texts = [*TEXTS, *fuzzed(FUZZED, SEED), *characters(STEP)]
    check_tokens(kotlin, KINDS[name](), tmp_path, [(text, None) for text in texts])


@pytest.mark.parametrize("maximum", MAXIMA)
@pytest.mark.parametrize("name", TOKENIZERS)
def test_pairs_are_cut_as_the_library_cuts_them(
    name: str, maximum: int, kotlin: Kotlin, tmp_path: Path
) -> None:
    texts = [*TEXTS, *fuzzed(2 * PAIRS, SEED + 1)]
    rows: list[tuple[str, str | None]] = list(zip(texts[:PAIRS], texts[-PAIRS:], strict=True))
    check_tokens(kotlin, TOKENIZERS[name](), tmp_path, rows, maximum)


class Recorder:
    """A session that notes what it is fed and what it gives, row by row."""

    def __init__(self, session: Any) -> None:
        self.session, self.runs = session, list[dict[str, Any]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, feeds: Any, outputs: Any = None) -> Any:
        given = self.session.run(feeds, outputs)
        inputs = {name: feeds[name] for name in self.session.inputs}
        for row in range(len(feeds["input_ids"])):
            shown = {
                name: {"shape": array[row : row + 1].shape, "data": array[row].ravel().tolist()}
                for name, array in given.items()
            }
            fed = {name: array[row].tolist() for name, array in inputs.items()}
            self.runs.append({"feeds": fed, "given": shown, "outputs": list(self.session.outputs)})
        return given


def recorded(task: Any, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder(task.encoder.session)
    monkeypatch.setitem(task.encoder.__dict__, "session", recorder)
    return recorder


def questions() -> Iterator[dict[str, Any]]:
    known = json.loads((TINY / "question_answering.json").read_text("utf-8"))["pairs"]
    texts = [
        *known,
        ["Who lives in London?", LONG],
        ["what is it ?", " 東京 é 🙂 naïve\u00a0river . "],
    ]
    for question, context in texts:
        for settings in (
            {}, {"top_k": 5}, {"handle_impossible_answer": True, "top_k": 3},
            {"align_to_words": False, "top_k": 4}, {"max_answer_len": 2, "max_question_len": 2},
            {"doc_stride": 3, "max_seq_len": 24, "top_k": 40},
        ):  # fmt: skip
            yield {"question": question, "context": context, **settings}


@pytest.mark.parametrize("variant", ["fp32", "int8"])
def test_answers_are_those_of_python_given_its_logits(
    variant: str, kotlin: Kotlin, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = TINY / "question_answering"
    task = QuestionAnswering.load(folder, variant=variant)
    recorder = recorded(task, monkeypatch)
    lines, wanted = [], []
    for call in questions():
        recorder.runs.clear()
        rest = {name: value for name, value in call.items() if name not in ("question", "context")}
        wanted.append(task.batch([(call["question"], call["context"])], **rest)[0])
        lines.append({"call": call, "runs": list(recorder.runs)})
    for line, found, answers in zip(
        lines, kotlin.ask("answers", folder, lines), wanted, strict=True
    ):
        own = [(text, start, end) for text, _, start, end, _, _ in found]
        assert own == [(a.text, a.start, a.end) for a in answers], line["call"]
        assert [one[1] for one in found] == pytest.approx([a.score for a in answers], abs=SCORES)
        for text, _, _, _, start, end in found:
            units = line["call"]["context"].encode("utf-16-le")
            assert units[2 * start : 2 * end].decode("utf-16-le") == text


def texts_to_embed() -> Iterator[dict[str, Any]]:
    known = json.loads((TINY / "embedding.json").read_text("utf-8"))["texts"]
    for text in known:
        yield {"text": text}
        yield {"text": text, "normalize_embeddings": True, "truncate_dim": 5}
        yield {"text": text, "prompt": "the river : "}
        yield {"text": text, "kind": "query"}


@pytest.fixture(params=["as exported", "mean", "max+cls", "lasttoken", "prompt left out", "static"])
def embedding_bundle(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The tiny bundle, or one like it that gives token vectors and pools them in another way."""
    folder = tmp_path / "bundle"
    name = "static_embedding" if request.param == "static" else "embedding"
    shutil.copytree(TINY / name, folder)
    manifest = json.loads((folder / FILE_NAME).read_text("utf-8"))
    if request.param not in ("as exported", "static"):
        mode = "mean" if request.param == "prompt left out" else request.param
        prompts = {"query": "ada : ", "passage": "the "}
        manifest["pooling"] |= {"mode": mode, "prompts": prompts, "default_prompt": "passage"}
        manifest["pooling"]["include_prompt"] = request.param != "prompt left out"
    (folder / FILE_NAME).write_text(json.dumps(manifest), "utf-8")
    return folder


def test_vectors_are_those_of_python_given_its_outputs(
    embedding_bundle: Path, kotlin: Kotlin, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Embedding.load(embedding_bundle)
    recorder = recorded(task, monkeypatch)
    lines, wanted = [], []
    for call in texts_to_embed():
        recorder.runs.clear()
        rest = {name: value for name, value in call.items() if name not in ("text", "kind")}
        encode = task.encode_query if call.get("kind") == "query" else task.encode
        wanted.append(encode(call["text"], **rest))
        lines.append({"call": call, "runs": list(recorder.runs)})
    found = kotlin.ask("vectors", embedding_bundle, lines)
    for line, own, vector in zip(lines, found, wanted, strict=True):
        np.testing.assert_allclose(own, vector, atol=VECTORS, rtol=0, err_msg=str(line["call"]))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda folder: (folder / FILE_NAME).unlink(), "no bundle at"),
        (lambda folder: (folder / FILE_NAME).write_text("{"), "is not JSON"),
        (lambda folder: change(folder, schema_version=2), "schema_version 2, this release reads 1"),
        (lambda folder: change(folder, task="poetry"), "task is 'poetry', expected one of"),
        (lambda folder: change(folder, max_length=0), "max_length is 0, expected a whole number"),
        (lambda folder: change(folder, golden=[{"text": "a", "ids": [1]}]), "other tokens than"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "has 2 bytes"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "is missing"),
        (lambda folder: flip(folder / "tokenizer.json"), "was edited: its sha256"),
        (lambda folder: flip(folder / "onnx" / "model.onnx"), "was edited: its sha256"),
        (lambda folder: escape(folder), "expected a path inside the bundle"),
    ],
)
def test_a_bundle_that_is_not_what_its_manifest_says_is_refused(
    damage: Callable[[Path], None], says: str, kotlin: Kotlin, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(TINY / "question_answering", folder)
    assert kotlin.ask("open", folder, [{"runs": [{"feeds": {}, "outputs": []}], "call": {}}]) == [
        "opened"
    ]
    damage(folder)
    (found,) = kotlin.ask("open", folder, [{"runs": [{"feeds": {}, "outputs": []}], "call": {}}])
    assert says in found["error"]


def change(folder: Path, **fields: Any) -> None:
    path = folder / FILE_NAME
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), "utf-8")


def escape(folder: Path) -> None:
    files = json.loads((folder / FILE_NAME).read_text("utf-8"))["files"]
    files[0]["path"] = "../config.json"
    change(folder, files=files)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
