"""What transformers has no pipeline for: questions since release 5 dropped it, and choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

SPANS, LONGEST = 12, 15  # what it takes of a window for one answer aligned to words; tokens
_MASKED = -10000.0


def answer(model: Any, tokenizer: Any, question: str, context: str) -> tuple[str, float]:
    """Return the best answer and its score, of one window; spaces around it are left out, as we do.

    Source: ``QuestionAnsweringPipeline.postprocess`` of release 4.57.6. Of the tokens outside the
    context the first, which means "no answer", shares in the softmax; spans are widened to words,
    and the scores of those that are then one text, in any case, are added up.
    """
    encoded = tokenizer(question, context, return_tensors="pt")
    with torch.inference_mode():
        logits = model(**encoded)
    inside = np.array([number == 1 for number in encoded.sequence_ids(0)])
    starts, ends = (
        _chances(logits[name][0].numpy(), inside) for name in ("start_logits", "end_logits")
    )
    scores = np.tril(np.triu(np.outer(starts, ends)), LONGEST - 1)
    found: dict[str, tuple[str, float]] = {}
    for place in np.argsort(-scores, axis=None)[:SPANS]:
        first, last = np.unravel_index(place, scores.shape)
        begin, end = (
            encoded.word_to_chars(0, encoded.token_to_word(0, t), 1) for t in (first, last)
        )
        text = context[begin.start : end.end].strip()
        known, so_far = found.get(text.lower(), (text, 0.0))
        found[text.lower()] = known, so_far + float(scores[first, last])
    return max(found.values(), key=lambda one: one[1])


def choose(model: Any, tokenizer: Any, prompt: str, choices: Sequence[str]) -> dict[str, float]:
    """Return place -> probability, as the documentation of its classes has it, without padding."""
    logits = []
    for choice in choices:
        encoded = tokenizer(prompt, choice, return_tensors="pt")
        with torch.inference_mode():
            one = model(**{name: tensor[None] for name, tensor in encoded.items()})
        logits.append(one.logits.reshape(()))
    scores = torch.stack(logits).softmax(0).tolist()
    return {str(place): score for place, score in enumerate(scores)}


def _chances(logits: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    allowed = inside.copy()
    allowed[0] = True
    masked = np.where(allowed, logits, _MASKED)
    powers = np.exp(masked - masked.max())
    return np.where(inside, powers / powers.sum(), 0)
