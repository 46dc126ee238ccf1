"""The same bundle directory, unchanged, in other people's clients.

Each client runs in an environment of its own and without network, and its outputs are compared
with those of `edge_distil` on the same file. Run with ``pytest -m slow tests/interop``; the
environments (4 GB) are made at the first run and kept, see `environments`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from run_clients import run_client
from trained import minilm

import edge_distil as ed
from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle

# The first test of a client installs it: minutes, and a gigabyte where torch is needed.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

Vectors = NDArray[np.float32]
Bundles = Callable[[str], Path]

# Same kernels, perhaps other padding or another batch: the last bits of float32 (seen: 6e-8 on
# vectors of length 1, nothing on logits).
SAME_RUNTIME = 1e-5
# Other kernels add up in another order (seen: 3e-7 on vectors of length 1, 7e-6 on logits of
# size 10).
OTHER_KERNELS = 1e-4
# int8 in other kernels. A last bit of float32 now and then moves an activation from one int8 step
# to the next; all later layers then round other numbers, and the result is off by up to the
# quantization error itself (seen: one step in layer 2, cosine 0.9967; 1.0000 for other texts).
# So such results are as good as onnxruntime's, not the same: they must stay near those, and as
# near as those to float32.
OTHER_ROUNDING_COSINE = 0.99
OTHER_ROUNDING_LOGITS = 0.5  # seen: 0.21, on logits of size 10
# Cosine to float32 that may be lost against onnxruntime (seen: 0.0007).
OTHER_ROUNDING_FIDELITY = 0.005
# transformers.js does not add up the probabilities of spans that are equal as words.
SUMMED_SPANS = 0.01

TEXTS = [
    "A man is playing a guitar.",
    "Someone plays music.",
    "The quick brown fox jumps over the lazy dog near the river bank, naïvely — café!",
    "x",
]
LONG_TEXT = " ".join(f"The river number {number} runs slowly." for number in range(90))
CONTEXT = (
    "The notes on the engine were written by Ada Lovelace in 1843, while she lived in London. "
    "Charles Babbage designed the engine, but it was never built."
)
PAIRS = [
    ("Who wrote the notes?", CONTEXT),
    ("Where did she live?", CONTEXT),
    ("When were the notes written?", CONTEXT),
    ("Who designed the engine?", CONTEXT),
]
# int8 texts go one a call: with equal batches the runtimes compute on equal numbers.
BATCH_SIZE = {"fp32": 8, "int8": 1}

EMBEDDING = [("embedding", "fp32"), ("embedding", "int8"), ("distilbert", "fp32")]
VARIANTS = ["fp32", "int8"]


@pytest.fixture(scope="session")
def bundles(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """Return the bundle of a kind, made at its first use."""

    @cache
    def make(kind: str) -> Path:
        if kind == "question-answering":
            return Path(request.getfixturevalue("embedded_bundle"))
        folder = tmp_path_factory.mktemp("interop")
        if kind == "distilbert":
            return export_bundle(_tiny_distilbert(folder / "checkpoint"), folder / kind).path
        return quantize_bundle(export_bundle(minilm(), folder / kind), "int8").path

    return make


def _tiny_distilbert(folder: Path) -> Path:
    """Write a sentence checkpoint of the architecture that has no `token_type_ids`."""
    import torch
    from transformers import DistilBertConfig, DistilBertModel

    names = shutil.ignore_patterns("model.safetensors", "config.json", "README.md")
    shutil.copytree(minilm(), folder, ignore=names)
    shutil.copy(minilm() / "1_Pooling" / "config.json", folder / "1_Pooling")
    torch.manual_seed(0)
    config = DistilBertConfig(n_layers=2, dim=64, hidden_dim=128, n_heads=4)
    DistilBertModel(config).save_pretrained(folder)
    pooling = folder / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text(encoding="utf-8"))
    pooling.write_text(json.dumps({**settings, "word_embedding_dimension": 64}), encoding="utf-8")
    return folder


@contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Fail if a file of the folder is changed, added or removed meanwhile."""
    before = _hashes(folder)
    yield
    assert _hashes(folder) == before


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def embed_there(
    client: str, bundle: Path, variant: str, texts: list[str], work: Path, **request: Any
) -> Vectors:
    """Return a client's vectors ``(texts, dimension)``."""
    settings = ed.open_bundle(bundle)
    assert settings.manifest.pooling is not None
    request |= {
        "texts": texts,
        "batch_size": BATCH_SIZE[variant],
        "max_length": settings.manifest.max_length,
        "dimension": settings.manifest.pooling.dimension,
    }
    file = settings.variant(variant)[1].file.path
    with unchanged(bundle):
        answer = run_client(client, bundle, file, request, work)
    return np.array(answer["vectors"], np.float32)


def embed_here(bundle: Path, variant: str, texts: list[str]) -> Vectors:
    """Return edge_distil's vectors ``(texts, dimension)``."""
    model = ed.Embedding.load(bundle, variant=variant)
    return model.encode(texts, batch_size=BATCH_SIZE[variant])


def answer_there(client: str, bundle: Path, variant: str, work: Path) -> dict[str, Any]:
    """Return a client's logits and, where it has them, answers."""
    settings = ed.open_bundle(bundle)
    request = {"pairs": PAIRS, "max_length": settings.manifest.max_length}
    file = settings.variant(variant)[1].file.path
    with unchanged(bundle):
        answer: dict[str, Any] = run_client(client, bundle, file, request, work)
    return answer


def logits_here(bundle: Path, variant: str) -> list[dict[str, Vectors]]:
    """Return edge_distil's logits of each pair, ``(tokens,)`` each."""
    encoder = ed.QuestionAnswering.load(bundle, variant=variant).encoder
    encodings = encoder.tokenizer.encode([(question, context) for question, context in PAIRS])
    found: dict[int, dict[str, Vectors]] = {}
    for (index,), outputs in encoder.run(encodings, batch_size=1):
        found[index] = {name: array[0] for name, array in outputs.items()}
    return [found[index] for index in range(len(PAIRS))]


def answers_here(bundle: Path, variant: str) -> list[ed.Answer]:
    return [best for (best,) in ed.QuestionAnswering.load(bundle, variant=variant).batch(PAIRS)]


def logits_difference(there: dict[str, Any], here: list[dict[str, Vectors]]) -> float:
    """Return the largest difference between any two logits."""
    return max(
        float(np.abs(np.array(there[name][index], np.float32) - row[name]).max())
        for index, row in enumerate(here)
        for name in ("start_logits", "end_logits")
    )


def best_spans(logits: list[tuple[Any, Any]]) -> list[tuple[int, int]]:
    return [(int(np.argmax(start)), int(np.argmax(end))) for start, end in logits]


def cosines(a: Vectors, b: Vectors) -> Vectors:
    """Return the cosine of each pair of rows."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.asarray((a * b).sum(1) / lengths, np.float32)


@pytest.mark.parametrize(("kind", "variant"), EMBEDDING)
def test_sentence_transformers_embeds(
    bundles: Bundles, kind: str, variant: str, tmp_path: Path
) -> None:
    texts = [*TEXTS, LONG_TEXT]
    there = embed_there("sentence_transformers_onnx", bundles(kind), variant, texts, tmp_path)
    np.testing.assert_allclose(
        there, embed_here(bundles(kind), variant, texts), atol=SAME_RUNTIME, rtol=0
    )


@pytest.mark.parametrize(("kind", "variant"), EMBEDDING)
def test_optimum_embeds(bundles: Bundles, kind: str, variant: str, tmp_path: Path) -> None:
    texts = [*TEXTS, LONG_TEXT]
    there = embed_there("optimum_onnx", bundles(kind), variant, texts, tmp_path)
    np.testing.assert_allclose(
        there, embed_here(bundles(kind), variant, texts), atol=SAME_RUNTIME, rtol=0
    )


# Without a long text: fastembed cuts at tokenizer_config.json's model_max_length (here 512), not
# at sentence_bert_config.json's max_seq_length (here 256), and cannot be told otherwise.
@pytest.mark.parametrize("output_name", [None, "sentence_embedding"])
@pytest.mark.parametrize(("kind", "variant"), EMBEDDING)
def test_fastembed_embeds(
    bundles: Bundles, kind: str, variant: str, output_name: str | None, tmp_path: Path
) -> None:
    there = embed_there(
        "fastembed_custom", bundles(kind), variant, TEXTS, tmp_path, output_name=output_name
    )
    np.testing.assert_allclose(
        there, embed_here(bundles(kind), variant, TEXTS), atol=SAME_RUNTIME, rtol=0
    )


# Without a long text: transformers.js cuts as fastembed does, and cuts off the last [SEP] too.
@pytest.mark.parametrize(("kind", "variant"), EMBEDDING)
def test_transformers_js_embeds(bundles: Bundles, kind: str, variant: str, tmp_path: Path) -> None:
    there = embed_there("transformers_js", bundles(kind), variant, TEXTS, tmp_path)
    np.testing.assert_allclose(
        there, embed_here(bundles(kind), variant, TEXTS), atol=SAME_RUNTIME, rtol=0
    )


@pytest.mark.parametrize("kind", ["embedding", "distilbert"])
def test_openvino_embeds_fp32(bundles: Bundles, kind: str, tmp_path: Path) -> None:
    texts = [*TEXTS, LONG_TEXT]
    there = embed_there("openvino_runtime", bundles(kind), "fp32", texts, tmp_path)
    np.testing.assert_allclose(
        there, embed_here(bundles(kind), "fp32", texts), atol=OTHER_KERNELS, rtol=0
    )


def test_openvino_embeds_int8(bundles: Bundles, tmp_path: Path) -> None:
    texts = [*TEXTS, LONG_TEXT]
    bundle = bundles("embedding")
    there = embed_there("openvino_runtime", bundle, "int8", texts, tmp_path)
    here, exact = embed_here(bundle, "int8", texts), embed_here(bundle, "fp32", texts)
    assert cosines(there, here).min() >= OTHER_ROUNDING_COSINE
    lost = cosines(here, exact) - cosines(there, exact)
    assert lost.max() <= OTHER_ROUNDING_FIDELITY


@pytest.mark.parametrize("variant", VARIANTS)
def test_optimum_answers(bundles: Bundles, variant: str, tmp_path: Path) -> None:
    bundle = bundles("question-answering")
    there = answer_there("optimum_onnx", bundle, variant, tmp_path)
    assert logits_difference(there, logits_here(bundle, variant)) <= SAME_RUNTIME
    for answer, expected in zip(there["answers"], answers_here(bundle, variant), strict=True):
        assert ed.Answer(**answer)._replace(score=0) == expected._replace(score=0)
        assert answer["score"] == pytest.approx(expected.score, abs=SAME_RUNTIME)


@pytest.mark.parametrize("variant", VARIANTS)
def test_transformers_js_answers(bundles: Bundles, variant: str, tmp_path: Path) -> None:
    bundle = bundles("question-answering")
    there = answer_there("transformers_js", bundle, variant, tmp_path)
    assert logits_difference(there, logits_here(bundle, variant)) <= SAME_RUNTIME
    for answer, expected in zip(there["answers"], answers_here(bundle, variant), strict=True):
        # It decodes tokens, so that an uncased model's answers come in lower case.
        assert answer["text"] == expected.text.lower()
        assert answer["score"] == pytest.approx(expected.score, abs=SUMMED_SPANS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_openvino_answers(bundles: Bundles, variant: str, tmp_path: Path) -> None:
    bundle = bundles("question-answering")
    there = answer_there("openvino_runtime", bundle, variant, tmp_path)
    here = logits_here(bundle, variant)
    tolerance = OTHER_KERNELS if variant == "fp32" else OTHER_ROUNDING_LOGITS
    assert logits_difference(there, here) <= tolerance
    spans = list(zip(there["start_logits"], there["end_logits"], strict=True))
    assert best_spans(spans) == best_spans([(r["start_logits"], r["end_logits"]) for r in here])
