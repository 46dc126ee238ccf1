"""Make tests/golden/tiny: tiny bundles, and what transformers says of the same checkpoints.

tests/runtime must run without torch, so its bundles and its truth are committed, a few hundred
kilobytes in all. The truth comes from transformers' pipelines, from sentence-transformers and from
model2vec, never from edge-distil.

    .venv/bin/python tests/golden/make_tiny_bundles.py [NAME ...]
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from model2vec import StaticModel
from sentence_transformers import (
    MultiVectorEncoder,
    SentenceTransformer,
    SparseEncoder,
    quantize_embeddings,
)
from sentence_transformers.base.modules.dense import Dense
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from tiny_models import TEXTS, make_config, make_tokenizer, save
from tiny_pairs import multiple_choice, nli, ranking

from edge_distil_export import export_bundle
from edge_distil_quantize import quantize_bundle

HERE = Path(__file__).parent
MASKED = [
    "The cat sat on the [MASK].",
    "Ada [MASK] in London",
    "[MASK] is a charming film, not a dull one!",
]
PAIRS = [("a charming film", "a dull film"), ("storm", " ".join(["the ship sat on the sea"] * 12))]
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def text_classification(path: Path, tokenizer: Any, problem: str | None) -> dict[str, Any]:
    """Single-label, or multi-label, sequence classification."""
    config = make_config(len(tokenizer), num_labels=3, problem_type=problem)
    config.id2label = {0: "bad", 1: "fair", 2: "good"}
    save(transformers.BertForSequenceClassification(config), tokenizer, path)
    pipe = transformers.pipeline("text-classification", str(path), device="cpu")
    pairs = [{"text": a, "text_pair": b} for a, b in PAIRS]
    return {
        "texts": TEXTS,
        "labels": pipe(TEXTS, top_k=None, truncation=True),
        "pairs": PAIRS,
        "pair_labels": [pipe(pair, top_k=None, truncation=True) for pair in pairs],
    }


def token_classification(path: Path, tokenizer: Any) -> dict[str, Any]:
    """Named entities, by every aggregation strategy."""
    config = make_config(len(tokenizer), num_labels=len(LABELS))
    config.id2label = dict(enumerate(LABELS))
    save(transformers.BertForTokenClassification(config), tokenizer, path)
    pipe = transformers.pipeline("token-classification", str(path), device="cpu")
    texts = [text for text in TEXTS[:6] if text]
    strategies = ("none", "simple", "first", "average", "max")
    return {
        "texts": texts,
        "entities": {
            s: [_plain(pipe(text, aggregation_strategy=s)) for text in texts] for s in strategies
        },
    }


def fill_mask(path: Path, tokenizer: Any) -> dict[str, Any]:
    """The five best tokens for a mask, and chosen targets."""
    save(transformers.BertForMaskedLM(make_config(len(tokenizer))), tokenizer, path)
    pipe = transformers.pipeline("fill-mask", str(path), device="cpu")
    return {
        "texts": MASKED,
        "candidates": [pipe(text, top_k=5) for text in MASKED],
        "targets": ["cat", "dog", "london"],
        "target_candidates": [pipe(text, targets=["cat", "dog", "london"]) for text in MASKED],
    }


def embedding(path: Path, tokenizer: Any) -> dict[str, Any]:
    """Mean pooling and normalisation, by sentence-transformers."""
    plain = path.with_name("plain")
    save(transformers.BertModel(make_config(len(tokenizer))), tokenizer, plain)
    transformer = Transformer(str(plain), max_seq_length=48)
    pooling = Pooling(16, pooling_mode="mean")
    model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
    model.prompts = {"query": "what is ", "document": ""}
    model.save(str(path))
    vectors = model.encode(TEXTS)
    precisions = ("int8", "uint8", "binary", "ubinary")
    ranges = np.array([[-0.5] * 16, [0.5] * 16], np.float32)
    return {
        "texts": TEXTS,
        "vectors": vectors.tolist(),
        "query_vectors": model.encode(TEXTS, prompt_name="query").tolist(),
        "truncated": model.encode(TEXTS, truncate_dim=6, normalize_embeddings=True).tolist(),
        "ranges": ranges.tolist(),
        "quantized": {
            p: quantize_embeddings(vectors, p, ranges=ranges).tolist() for p in precisions
        },
    }


def late_interaction(path: Path, tokenizer: Any) -> dict[str, Any]:
    """A vector a token, queries filled up with masks, by sentence-transformers."""
    plain = path.with_name("late-plain")
    save(transformers.BertModel(make_config(len(tokenizer))), tokenizer, plain)
    expansion = {"strategy": "fixed", "attend": False, "length": 14}
    transformer = Transformer(str(plain), document_length=40, query_expansion=expansion)
    dense = Dense(16, 8, bias=False, activation_function=torch.nn.Identity(), **_TOKENS)
    # Words that are skipped, of which a document may consist.
    mask = MultiVectorMask(["[CLS]", "[SEP]", "storm", ".", ",", "!", "?"])
    modules = [transformer, dense, mask, Normalize(**_TOKENS)]
    prompts = {"query": "what is : ", "document": ""}
    MultiVectorEncoder(modules=modules, prompts=prompts, device="cpu").save(str(path))
    model = MultiVectorEncoder(str(path), device="cpu")
    queries, documents = (
        [encode(text, convert_to_numpy=True) for text in TEXTS]
        for encode in (model.encode_query, model.encode_document)
    )
    return {
        "texts": TEXTS,
        "queries": [vectors.tolist() for vectors in queries],
        "documents": [vectors.tolist() for vectors in documents],
        "scores": model.similarity(queries, documents).tolist(),
    }


_TOKENS = {"module_input_name": "token_embeddings"}


def sparse_embedding(path: Path, tokenizer: Any) -> dict[str, Any]:
    """Weights of tokens, the greatest logit of each, with a prompt for queries."""
    plain = path.with_name("plain")
    save(transformers.BertForMaskedLM(make_config(len(tokenizer))), tokenizer, plain)
    transformer = Transformer(str(plain), transformer_task="fill-mask", max_seq_length=48)
    model = SparseEncoder(modules=[transformer, SpladePooling("max")], device="cpu")
    model.prompts = {"query": "what is ", "document": ""}
    model.save(str(path))
    embeddings = model.encode(TEXTS)
    return {
        "texts": TEXTS,
        "weights": embeddings.to_dense().tolist(),
        "query_weights": model.encode_query(TEXTS).to_dense().tolist(),
        "greatest": model.encode(TEXTS, max_active_dims=6).to_dense().tolist(),
        "tokens": model.decode(embeddings, top_k=6),
        "similarity": model.similarity(embeddings, embeddings).tolist(),
    }


def static_embedding(path: Path, tokenizer: Any) -> dict[str, Any]:
    """A table with a mapping and factors, by model2vec.

    The last text is cut by characters, and its tokens are still so many that they are counted.
    """
    fast, random = tokenizer.backend_tokenizer, np.random.default_rng(7)
    size = fast.get_vocab_size()
    model = StaticModel(
        random.normal(size=(128, 128)).astype(np.float32),
        fast,
        normalize=True,
        weights=random.uniform(0.1, 2, size).astype(np.float32),
        token_mapping=random.integers(0, 128, size),
        max_length=3000,
    )
    model.save_pretrained(path)
    texts = [*TEXTS, "🙂", "🙂 ship 🙂", " ".join(["the ship sat on the sea"] * 520)]
    vectors = StaticModel.from_pretrained(path).encode(texts)
    return {"texts": texts, "vectors": vectors.tolist()}


def question_answering(path: Path, tokenizer: Any) -> dict[str, Any]:
    """Answers are checked on the embedded checkpoint; here the raw logits."""
    model = transformers.BertForQuestionAnswering(make_config(len(tokenizer)))
    save(model, tokenizer, path)
    pairs = [("Who keeps the light?", TEXTS[0]), ("What is lovely?", TEXTS[3])]
    batch = tokenizer(pairs, padding=True, return_tensors="pt")
    with torch.inference_mode():
        outputs = model(**batch)
    return {
        "pairs": pairs,
        "input_ids": batch["input_ids"].tolist(),
        "token_type_ids": batch["token_type_ids"].tolist(),
        "attention_mask": batch["attention_mask"].tolist(),
        "start_logits": outputs.start_logits.tolist(),
        "end_logits": outputs.end_logits.tolist(),
    }


def _plain(entities: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn numpy scalars into Python's."""
    return [
        {k: v.item() if isinstance(v, np.generic) else v for k, v in entity.items()}
        for entity in entities
    ]


MAKERS = {
    "text_classification": lambda path, tok: text_classification(path, tok, None),
    "multi_label": lambda path, tok: text_classification(path, tok, "multi_label_classification"),
    "ranking": ranking,
    "nli": nli,
    "multiple_choice": multiple_choice,
    "token_classification": token_classification,
    "fill_mask": fill_mask,
    "embedding": embedding,
    "late_interaction": late_interaction,
    "sparse_embedding": sparse_embedding,
    "static_embedding": static_embedding,
    "question_answering": question_answering,
}


def main(names: list[str]) -> None:
    """Make every tiny bundle and its truth anew, or those of the names."""
    target = HERE / "tiny"
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, make in MAKERS.items():
            if names and name not in names:
                continue
            shutil.rmtree(target / name, ignore_errors=True)
            torch.manual_seed(7)
            truth = make(Path(folder) / name, make_tokenizer())
            packages = ("transformers", "sentence-transformers", "model2vec", "torch", "tokenizers")
            truth["versions"] = {package: version(package) for package in packages}
            bundle = export_bundle(Path(folder) / name, target / name)
            quantize_bundle(bundle, "int8")
            text = json.dumps(truth, ensure_ascii=False, indent=1)
            (target / f"{name}.json").write_text(text + "\n", encoding="utf-8")
            print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
