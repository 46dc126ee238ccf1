"""What is fuzzed: each kind makes case after case and says what must hold of it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from mutants import bytes_mutant, json_mutant, options, text
from swaps import swapped

import edge_distil as ed
from edge_distil._reading.printable import printable
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil._writing import storage
from edge_distil.errors import EdgeDistilError

TINY = Path(__file__).parents[1] / "golden" / "tiny"
BUNDLES = ("embedding", "fill_mask", "late_interaction", "multi_label", "question_answering",
           "text_classification", "token_classification")  # fmt: skip
_QA_OPTIONS = ["top_k", "doc_stride", "max_answer_len", "max_seq_len", "max_question_len",
               "handle_impossible_answer", "align_to_words"]  # fmt: skip
_GOLDEN = TINY.parent / "tokenizers"  # of other kinds, to borrow from
_TASK_OPTIONS = {
    "embedding": ["normalize_embeddings", "truncate_dim", "prompt", "prompt_name", "batch_size"],
    "fill_mask": ["top_k", "targets"],
    "late_interaction": ["batch_size"],
    "multi_label": ["top_k"],
    "text_classification": ["top_k", "function_to_apply"],
    "token_classification": ["aggregation_strategy", "ignore_labels"],
}
_OPENED_ALONE = 0.8  # share of the cases without a session, which takes most of the time
_LONGEST_MESSAGE = 4000  # characters
_MODELS = ("onnx", "graphs")  # kinds that are about the model's file

Case = Callable[[Random], None]


def prepare(kind: str, folder: Path) -> Case:
    """Return what runs one case of `kind`, with copies of the bundles in `folder`."""
    for name in BUNDLES:
        shutil.copytree(TINY / name, folder / name)
    if kind == "calls":
        return _calls(folder)
    if kind == "tasks":
        return _task_calls(folder)
    makers = {
        "json": _damage_json, "swaps": _swap_json, "tokenizer": _damage_tokenizer,
        "tokenizer-swaps": _swap_tokenizer, "onnx": _damage_model, "graphs": _damage_graph,
    }  # fmt: skip

    def case(random: Random) -> None:
        bundle = folder / random.choice(BUNDLES)
        kept = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
        try:
            makers[kind](bundle, random)
            _only_ours(lambda: _run(bundle) if kind in _MODELS else _use(bundle, random))
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


def _swap_json(bundle: Path, random: Random) -> None:
    """As `_damage_json`, by the other mutator; the other bundles' files lend values."""
    files = sorted(path for path in bundle.rglob("*.json") if path.name != "tokenizer.json")
    manifest = bundle / "edge_distil.json"
    path = manifest if random.random() < 0.5 else random.choice(files)
    lender = bundle.parent / random.choice(BUNDLES)
    others = [_read(other) for other in sorted(lender.rglob("*.json"))[:6]]
    path.write_bytes(swapped(_read(path), others, random))
    if path != manifest:
        _record(bundle, path, random)


def _swap_tokenizer(bundle: Path, random: Random) -> None:
    path = bundle / "tokenizer.json"
    path.write_bytes(swapped(_read(path), _tokenizers(), random))
    _record(bundle, path, random)


@cache
def _tokenizers() -> list[Any]:
    return [_read(_GOLDEN / name) for name in ("bpe.json", "unigram.json")]


def _read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def _damage_graph(bundle: Path, random: Random) -> None:
    from graphs import damaged_graph  # onnx takes some memory: only where it is needed

    path = bundle / "onnx" / "model.onnx"
    path.write_bytes(damaged_graph(path.read_bytes(), random))
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
    elif isinstance(task, ed.LateInteraction):
        for vectors in (*task.encode_query(["a text"]), *task.encode_document(["a text", "b"])):
            assert np.isfinite(vectors).all()
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


def _task_calls(folder: Path) -> Case:
    """Calls of every task but question answering, with any texts and options."""
    tasks: dict[str, Any] = {name: ed.load(folder / name, threads=1) for name in _TASK_OPTIONS}

    def case(random: Random) -> None:
        name = random.choice(sorted(tasks))
        given: Any = text(random)
        if random.random() < 0.5:
            given = random.choice((list, tuple, iter))(
                [text(random) for _ in range(random.randrange(4))]
            )
        methods = {"embedding": "encode", "late_interaction": "encode_document"}
        call = getattr(tasks[name], methods.get(name, "__call__"))
        chosen = options(random, _TASK_OPTIONS[name])
        _only_ours(lambda: _check_finite(call(given, **chosen)))

    return case


def _check_finite(found: Any) -> None:
    """Look at every number of a result."""
    for value in np.ravel(found) if isinstance(found, np.ndarray) else _leaves(found):
        if isinstance(value, float | np.floating):
            assert math.isfinite(value), found


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


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
