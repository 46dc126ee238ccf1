"""What is fuzzed: each kind makes case after case and says what must hold of it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from mutants import bytes_mutant, json_mutant, options, text

import edge_distil as ed
from edge_distil._reading.printable import printable
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._writing import storage
from edge_distil.errors import EdgeDistilError

TINY = Path(__file__).parents[1] / "golden" / "tiny"
BUNDLES = ("embedding", "fill_mask", "multi_label", "question_answering", "text_classification",
           "token_classification")  # fmt: skip
_QA_OPTIONS = ["top_k", "doc_stride", "max_answer_len", "max_seq_len", "max_question_len",
               "handle_impossible_answer", "align_to_words"]  # fmt: skip
_OPENED_ALONE = 0.8  # share of the cases without a session, which takes most of the time
_LONGEST_MESSAGE = 4000  # characters

Case = Callable[[Random], None]


def prepare(kind: str, folder: Path) -> Case:
    """Return what runs one case of `kind`, with copies of the bundles in `folder`."""
    for name in BUNDLES:
        shutil.copytree(TINY / name, folder / name)
    if kind == "calls":
        return _calls(folder)
    makers = {"json": _damage_json, "tokenizer": _damage_tokenizer, "onnx": _damage_model}

    def case(random: Random) -> None:
        bundle = folder / random.choice(BUNDLES)
        kept = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
        try:
            makers[kind](bundle, random)
            _only_ours(lambda: _run(bundle) if kind == "onnx" else _use(bundle, random))
        finally:
            for path, data in kept.items():
                path.write_bytes(data)

    return case


def _damage_json(bundle: Path, random: Random) -> None:
    manifest = bundle / "edge_distil.json"
    files = [path for path in bundle.rglob("*.json") if path.name != "tokenizer.json"]
    path = manifest if random.random() < 0.5 else random.choice(sorted(files))
    path.write_bytes(json_mutant(json.loads(path.read_text("utf-8")), random))
    if path != manifest:
        _record(bundle, path, random)


def _damage_tokenizer(bundle: Path, random: Random) -> None:
    path = bundle / "tokenizer.json"
    path.write_bytes(json_mutant(json.loads(path.read_text("utf-8")), random))
    _record(bundle, path, random)


def _damage_model(bundle: Path, random: Random) -> None:
    path = bundle / "onnx" / "model.onnx"
    path.write_bytes(bytes_mutant(path.read_bytes(), random))
    _record(bundle, path, random)


def _record(bundle: Path, path: Path, random: Random) -> None:
    """Describe the damaged file in the manifest, or take the manifest away."""
    manifest = bundle / "edge_distil.json"
    if random.random() < 0.4:
        manifest.unlink()
        return
    document = json.loads(manifest.read_text("utf-8"))
    new = vars(storage.record(bundle, path))
    for record in [*document["files"], *(v["file"] for v in document["variants"].values())]:
        if record["path"] == new["path"]:
            record.update(new)
    if random.random() < 0.5:
        document["golden"] = []
    manifest.write_text(json.dumps(document), "utf-8")


def _use(bundle: Path, random: Random) -> None:
    if random.random() < _OPENED_ALONE:
        opened = ed.open_bundle(bundle, verify=random.random() < 0.2)
        Tokenizer(bundle, opened.manifest.max_length).mismatches(opened.manifest.golden)
        return
    _run(bundle)


def _run(bundle: Path) -> None:
    task: Any = ed.load(bundle)
    if isinstance(task, ed.QuestionAnswering):
        context = "Ada Lovelace wrote the program in London."
        _check_answer(task("Who wrote it?", context), context)
    elif isinstance(task, ed.Embedding):
        vectors = task.encode(["a text", "another text of some words"])
        assert vectors.shape[0] == 2
        assert all(math.isfinite(value) for value in vectors.ravel())
    elif isinstance(task, ed.FillMask):
        task("london is a [MASK] .")
    else:
        for found in task("a charming film in London"):
            assert math.isfinite(found.score)


def _calls(folder: Path) -> Case:
    task = ed.QuestionAnswering.load(folder / "question_answering", threads=1)

    def case(random: Random) -> None:
        question, context = text(random, 20), text(random, 120)
        chosen = options(random, _QA_OPTIONS)

        def call() -> None:
            found: Any = task(question, context, **chosen)
            for answer in found if isinstance(found, list) else [found]:
                _check_answer(answer, context)

        _only_ours(call)

    return case


def _check_answer(answer: Any, context: str) -> None:
    assert 0 <= answer.score <= 1 + 1e-6, answer
    assert answer.text == context[answer.start : answer.end], answer


def _only_ours(call: Callable[[], None]) -> None:
    """Run what may end well or in an error of ours, of one line that a terminal can show."""
    try:
        call()
    except EdgeDistilError as error:
        message = str(error)
        assert message == printable(message), message
        assert len(message) < _LONGEST_MESSAGE, message[:200]
