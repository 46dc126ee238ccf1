"""Tiny checkpoints that read two texts together, and what other libraries say by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from sentence_transformers import CrossEncoder
from tiny_models import TEXTS, make_config, save

QUERY = "Who keeps the light at sea?"
PASSAGES = [*TEXTS, "the light keeper keeps the light", "storm"]  # of equal ones the first is first
CANDIDATES = ["a film", "the sea and a storm", "🙂 CAFÉ"]
NLI = ["contradiction", "neutral", "entailment"]
QUESTIONS = [
    ["The cat sat on", ["the mat.", "a storm!", "Paris"]],
    ["", ["a ship", ""]],
    ["é 東京 🙂", ["the CAFÉ is at the river", "no 🙂", TEXTS[-1], "dull", "one two three"]],
    [TEXTS[-1], ["Ada was in Bern", " ".join(["the ship sat on the sea"] * 12)]],
]


def ranking(path: Path, tokenizer: Any) -> dict[str, Any]:
    """A cross-encoder of one score, by sentence-transformers."""
    plain = path.with_name("plain_ranking")
    model = transformers.BertForSequenceClassification(make_config(len(tokenizer), num_labels=1))
    save(model, tokenizer, plain)
    encoder = CrossEncoder(str(plain), device="cpu")
    encoder.save_pretrained(str(path))
    pairs = [(QUERY, passage) for passage in PASSAGES]
    return {
        "query": QUERY,
        "passages": PASSAGES,
        "ranked": [
            {"index": r["corpus_id"], "score": float(r["score"]), "text": PASSAGES[r["corpus_id"]]}
            for r in encoder.rank(QUERY, PASSAGES)
        ],
        "scores": encoder.predict(pairs).tolist(),
        "logits": encoder.predict(pairs, activation_fn=torch.nn.Identity()).tolist(),
    }


def nli(path: Path, tokenizer: Any) -> dict[str, Any]:
    """Labels that are chosen at run time, by a model of natural language inference."""
    config = make_config(len(tokenizer), num_labels=len(NLI))
    config.id2label = dict(enumerate(NLI))
    config.label2id = {name: place for place, name in enumerate(NLI)}
    save(transformers.BertForSequenceClassification(config), tokenizer, path)
    pipe = transformers.pipeline("zero-shot-classification", str(path), device="cpu")
    texts = [text for text in TEXTS if text]

    def labelled(**options: Any) -> list[list[dict[str, Any]]]:
        found = pipe(texts, CANDIDATES, **options)
        return [
            [
                {"label": label, "score": score}
                for label, score in zip(one["labels"], one["scores"], strict=True)
            ]
            for one in found
        ]

    template = "{} is old."
    return {
        "texts": texts,
        "candidate_labels": CANDIDATES,
        "labels": labelled(),
        "multi_label": labelled(multi_label=True),
        "hypothesis_template": template,
        "templated": labelled(hypothesis_template=template),
    }


def multiple_choice(path: Path, tokenizer: Any) -> dict[str, Any]:
    """Probabilities of choices, from logits taken as transformers' documentation takes them."""
    config = make_config(len(tokenizer))
    model = transformers.BertForMultipleChoice(config)
    save(model, tokenizer, path)

    def probabilities(prompt: str, choices: list[str]) -> list[float]:
        pairs = [[prompt, choice] for choice in choices]
        batch = tokenizer(pairs, padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**{name: rows.unsqueeze(0) for name, rows in batch.items()}).logits
        found: list[float] = logits.softmax(-1)[0].tolist()
        return found

    return {
        "questions": QUESTIONS,
        "probabilities": [probabilities(prompt, choices) for prompt, choices in QUESTIONS],
    }
