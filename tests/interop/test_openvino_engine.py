"""``edge_distil.load(..., engine="openvino")`` as its users have it: with that extra installed.

The witnesses are transformers' pipelines and sentence-transformers, as `tests/golden` keeps them or
as they run here; onnxruntime is none. The first test makes the environment (600 MB).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from beyond_table import add_token_beyond
from openvino_environment import call, needs_bf16
from trained import minilm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PROGRAM = Path(__file__).parent / "clients" / "openvino_engine.py"
GOLDEN = Path(__file__).parents[1] / "golden"
SCORE = VECTOR = 1e-5  # other orders of sums in fp32, as in tests/runtime/test_tasks.py
BF16_COSINE, BF16_SCORE = 0.9999, 0.02  # seen of trained models: 0.99997, 0.007

Asks = Callable[[Sequence[dict[str, Any]]], list[Any]]


@pytest.fixture
def ask(tmp_path: Path) -> Asks:
    """Load and call bundles in the environment; see the program."""

    def run(requests: Sequence[dict[str, Any]]) -> list[Any]:
        file = tmp_path / "request.json"
        file.write_text(json.dumps(list(requests), default=str), encoding="utf-8")
        return list(json.loads(call(PROGRAM, file)))

    return run


def on(engine: str, bundle: Path, *calls: Any, **options: Any) -> dict[str, Any]:
    return {"bundle": bundle, "options": {"engine": engine, **options}, "calls": calls}


def floats(found: Any) -> list[float]:
    """Return all floats in order, from however deep."""
    if isinstance(found, dict):
        found = [value for key, value in found.items() if key != "sequence"]
    if isinstance(found, list):
        return [number for one in found for number in floats(one)]
    return [found] if isinstance(found, float) else []


def kept(name: str) -> dict[str, Any]:
    """Return what a library of the hub gives for a tiny model; see tests/golden."""
    found = json.loads((GOLDEN / "tiny" / f"{name}.json").read_text(encoding="utf-8"))
    return dict(found)


# Name of the tiny model -> what is called, and where the library's numbers are kept.
TASKS = {
    "embedding": lambda k: (["encode", [k["texts"]], {}], k["vectors"]),
    "static_embedding": lambda k: (["encode", [k["texts"]], {}], k["vectors"]),
    "sparse_embedding": lambda k: (["encode", [k["texts"]], {}], k["weights"]),
    "late_interaction": lambda k: (["encode_document", [k["texts"]], {}], k["documents"]),
    "text_classification": lambda k: (["batch", [k["texts"]], {"top_k": None}], k["labels"]),
    "multi_label": lambda k: (["batch", [k["texts"]], {"top_k": None}], k["labels"]),
    "token_classification": lambda k: (
        ["batch", [k["texts"]], {"aggregation_strategy": "simple"}], k["entities"]["simple"]
    ),
    "fill_mask": lambda k: (["__call__", [k["texts"][0]], {"top_k": 5}], k["candidates"][0]),
    "multiple_choice": lambda k: (
        ["__call__", k["questions"][0], {}], sorted(k["probabilities"][0], reverse=True)
    ),
    "ranking": lambda k: (["__call__", [k["query"], k["passages"]], {}], k["ranked"]),
    "nli": lambda k: (["__call__", [k["texts"][0], k["candidate_labels"]], {}], k["labels"][0]),
}  # fmt: skip
CALLED = {"ranking": "reranking", "nli": "zero-shot-classification"}


def test_every_task_equals_its_library(ask: Asks) -> None:
    """In one process, for to start it takes longer than to answer."""
    calls = {name: of(kept(name)) for name, of in TASKS.items()}
    asked = [
        on(
            "openvino",
            GOLDEN / "tiny" / name,
            call,
            **({"task": CALLED[name]} if name in CALLED else {}),
        )
        for name, (call, _) in calls.items()
    ]
    for (name, (_, expected)), found in zip(calls.items(), ask(asked), strict=True):
        assert isinstance(found, list), (name, found)
        assert len(floats(expected)) > 2
        assert floats(found) == pytest.approx(floats(expected), abs=SCORE), name


@pytest.mark.parametrize("engine", ["openvino", pytest.param("openvino:bf16", marks=needs_bf16)])
def test_embeddings_beside_sentence_transformers(ask: Asks, embedding: Path, engine: str) -> None:
    from sentence_transformers import SentenceTransformer

    long = " ".join(f"The river number {number} runs slowly." for number in range(90))
    texts = [
        "A man is playing a guitar.",
        "",
        "x",
        "naïve — café 👩‍🚀!",
        "東京は日本の首都です。",
        long,
    ]
    expected = SentenceTransformer(str(minilm()), device="cpu").encode(texts)
    [[found, alone]] = ask(
        [on(engine, embedding, ["encode", [texts], {}], ["encode", [texts[0]], {}])]
    )
    cosines = (np.array(found) * expected).sum(axis=1)
    if engine == "openvino":
        np.testing.assert_allclose(found, expected, atol=VECTOR)
    assert cosines.min() >= BF16_COSINE
    np.testing.assert_allclose(alone, found[0], atol=VECTOR if engine == "openvino" else 2e-3)


@pytest.mark.parametrize("engine", ["openvino", pytest.param("openvino:bf16", marks=needs_bf16)])
def test_answers_beside_the_pipeline(ask: Asks, embedded_bundle: Path, engine: str) -> None:
    """transformers' pipeline on the embedded checkpoint, kept by tests/golden/regenerate_qa.py."""
    cases = json.loads((GOLDEN / "qa_cases.json").read_text(encoding="utf-8"))
    results = json.loads((GOLDEN / "qa_expected.json").read_text(encoding="utf-8"))["results"]
    best = {one["id"]: one["answers"][0] for one in results if len(one["answers"]) == 1}
    plain = [one for one in cases if one["id"] in best and not one["params"]]
    assert len(plain) > 10
    pairs = [{"question": one["question"], "context": one["context"]} for one in plain]
    [[found]] = ask([on(engine, embedded_bundle, ["batch", [pairs], {}])])
    wrong = []
    for case, [(text, score, start, end)] in zip(plain, found, strict=True):
        expected = best[case["id"]]
        near = abs(score - expected["score"]) <= (1e-3 if engine == "openvino" else BF16_SCORE)
        if (text, start, end) != (
            expected["answer"],
            expected["start"],
            expected["end"],
        ) or not near:
            wrong.append((case["id"], text, score, expected))
    assert wrong == []


def test_what_it_gets_wrong_is_refused_in_one_line(ask: Asks, embedding: Path) -> None:
    texts = [["encode", [["a text", "another one"]], {}]]
    int8, weights, provider, ort = ask([
        on("openvino", embedding, *texts, variant="int8"),
        on("openvino", embedding, *texts, variant="weights-only"),
        on("openvino", embedding, providers=["CPUExecutionProvider"]),
        on("onnxruntime", embedding, *texts, variant="weights-only"),
    ])  # fmt: skip
    assert int8["error"] == "SessionError"
    assert (
        "openvino:fp32 gives other numbers than onnxruntime for the variant int8" in int8["message"]
    )
    assert "\n" not in int8["message"]
    np.testing.assert_allclose(weights[0], ort[0], atol=VECTOR)
    assert provider["message"].startswith("providers cannot be given")


def test_a_strangers_bundle_and_weights_beside_the_model(
    ask: Asks, embedding: Path, tmp_path: Path
) -> None:
    import onnx

    hub = tmp_path / "hub"
    shutil.copytree(
        embedding, hub, ignore=shutil.ignore_patterns("edge_distil.json", "*_q*", "*_int8*")
    )
    model = onnx.load(hub / "onnx" / "model.onnx")
    (hub / "onnx" / "model.onnx").unlink()
    onnx.save(
        model, hub / "onnx" / "model.onnx", save_as_external_data=True, location="model.onnx_data"
    )
    words = ["encode", [["a text", "another one"]], {}]
    found, expected = ask(
        [on("openvino", hub, words, untrusted=True), on("onnxruntime", embedding, words)]
    )
    assert (hub / "onnx" / "model.onnx_data").stat().st_size > 50e6
    np.testing.assert_allclose(found[0], expected[0], atol=VECTOR)


def test_a_run_that_fails_fails_alone(embedding: Path) -> None:
    """On one thread OpenVINO's `infer` gives the answers before, and after it the wrong ones."""
    out = call("-c", f"""
import json, threading, numpy as np, edge_distil as ed
model = ed.load({str(embedding)!r}, engine="openvino", threads=1)
before = model.encode(["one text", "another text"])
def feed(tokens):
    return {{n: np.ones((1, tokens), np.int64) for n in model.encoder.session.inputs}}
said = []
def fail():
    for tokens in (700, 800):
        try: model.encoder.session.run(feed(tokens))
        except ed.errors.SessionError as error: said.append(str(error))
def answer(number):
    found[number] = [model.encode(["one text", "another text"]).tolist() for _ in range(4)]
found = {{}}
threads = [threading.Thread(target=answer, args=(n,)) for n in range(3)]
threads.append(threading.Thread(target=fail))
for thread in threads: thread.start()
for thread in threads: thread.join()
same = all(np.allclose(one, before, atol=1e-6) for many in found.values() for one in many)
print(json.dumps([said, same, len(found)]))
""")  # fmt: skip
    said, same, threads = json.loads(out)
    assert (same, threads) == (True, 3)
    assert len(said) == 2
    assert all("OpenVINO failed on" in line and "(1, 700)" in line + "(1, 700)" for line in said)
    assert not any("\n" in line for line in said)


def test_a_model_that_is_replaced_while_it_is_open(embedding: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(embedding, tmp_path / "copy")
    tiny = GOLDEN / "tiny" / "embedding" / "onnx" / "model.onnx"
    out = call("-c", f"""
import json, os, shutil, edge_distil as ed
model = ed.load({str(copy)!r}, engine="openvino", threads=1)
before = model.encode(["one text"] * 40).tolist()
shutil.copy({str(tiny)!r}, {str(tmp_path / "other")!r})
os.replace({str(tmp_path / "other")!r}, {str(copy / "onnx" / "model.onnx")!r})
print(json.dumps(before == model.encode(["one text"] * 40).tolist()))
""")  # fmt: skip
    assert json.loads(out) is True


def test_ids_beyond_the_table_are_refused(ask: Asks, tmp_path: Path) -> None:
    """onnxruntime refuses such an id when it comes, OpenVINO would take zeros."""
    hub = tmp_path / "hub"
    shutil.copytree(GOLDEN / "tiny" / "embedding", hub)
    (hub / "edge_distil.json").unlink()
    last = add_token_beyond(hub / "tokenizer.json")
    [found] = ask([on("openvino", hub)])
    assert found["error"] == "SessionError"
    assert f"tokenizer.json has the id {last}, which the model cannot run" in found["message"]
