"""A model's scores on an evaluation file, by the runtime's own measures."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from edge_distil import evaluate as evaluation
from edge_distil.encoder import Encoder
from edge_distil.manifest import Manifest
from edge_distil.tasks import BY_NAME
from edge_distil_distil.data.examples import Batches
from edge_distil_distil.data.masking import Masking
from edge_distil_distil.data.reading import read_examples
from edge_distil_distil.objectives.labels import IGNORED, masked_lm
from edge_distil_distil.teachers.torch_session import model_inputs, torch_encoder

_BATCH = 16
_SEED = 20191002  # of what is masked in every evaluation alike


def score(encoder: Encoder, data: Path, limit: int | None = None) -> dict[str, float]:
    """Score a model that stands behind a tokenizer.

    Args:
        encoder: A bundle's, or `torch_encoder`'s.
        data: A file as of `edge_distil.evaluate.evaluate`.
        limit: Of examples.

    Returns:
        Measure -> percent, the main one first.
    """
    task = BY_NAME[encoder.bundle.manifest.task](encoder)
    return evaluation.evaluate(task, data, limit=limit).metrics


def score_student(
    model: Any, folder: Path, manifest: Manifest, data: Path, limit: int | None = None
) -> dict[str, float]:
    """Score a PyTorch model.

    Args:
        model: A transformers model.
        folder: Holds its tokenizer's files.
        manifest: What it is for.
        data: The evaluation file; for fill-mask texts.
        limit: Of examples.
    """
    encoder = torch_encoder(model, folder, manifest)
    if manifest.task == "fill-mask":
        return _score_masked(model, encoder, data, limit)
    return score(encoder, data, limit)


def masking(encoder: Encoder, seed: int) -> Masking:
    """Return how tokens of an encoder's vocabulary are masked."""
    tokenizer = encoder.tokenizer
    special = tokenizer.encode([""])[0].ids
    kept = {*special, tokenizer.pad_id, tokenizer.mask_id, tokenizer.unknown_id}
    assert tokenizer.mask_id is not None  # `distil` has seen to it
    return Masking(
        tokenizer.mask_id, tokenizer.size(), frozenset(i for i in kept if i is not None), seed
    )


def _score_masked(model: Any, encoder: Encoder, data: Path, limit: int | None) -> dict[str, float]:
    """Score how many masked tokens are found, and how surprising they are."""
    examples = read_examples([data], encoder.bundle.manifest, encoder.tokenizer)
    inputs = model_inputs(model)
    batches = Batches(
        examples, inputs, encoder.tokenizer.pad_id, encoder.tokenizer.token_types,
        masking(encoder, _SEED),
    )  # fmt: skip
    rows = range(min(len(examples), limit or len(examples)))
    mode, right, count, surprise = model.training, 0, 0, 0.0
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH):
            batch = batches(rows[start : start + _BATCH])
            batch = {name: values.to(model.device) for name, values in batch.items()}
            logits = model(**{name: batch[name] for name in inputs}).logits
            labels = batch["token_labels"]
            masked = labels != IGNORED
            count += int(masked.sum())
            right += int((logits.argmax(-1)[masked] == labels[masked]).sum())
            surprise += float(masked_lm(logits, labels)) * int(masked.sum())
    model.train(mode)
    if not count:
        return {"masked_accuracy": math.nan, "perplexity": math.nan}
    return {"masked_accuracy": 100 * right / count, "perplexity": math.exp(surprise / count)}
