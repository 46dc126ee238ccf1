"""Texts of our own writing that find out what a setting changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edge_distil_export.golden import PROBES
from edge_distil_export.witness.testimony import Probe

SHORT = "A quiet river runs through the old town."
SCRIPTS = "Où est l'ÉCOLE de Zürich? Москва, 東京は🍕 👩‍🚀 It's  1,024.50!"
SECOND = "Mills stood along its banks until 1911."
QUESTION = "Who?"
WINDOW = 384  # tokens in a row of question answering, the pipeline's default
_SENTENCE = "Seven grey boats left the harbour before noon, and one of them came back late. "
# Tokens in one text: more would be cut off where the model is small, and cost more to run.
_ADDED_AT_ONCE = 12


def make_probes(
    task: str,
    tokenizer: Any,
    limit: int,
    *,
    pairs_only: bool,
    prompts: Sequence[str],
    longest_run: int,
) -> tuple[Probe, ...]:
    """Write the probes for a checkpoint.

    Args:
        task: One of `edge_distil.manifest.TASKS`.
        tokenizer: transformers' tokenizer of the checkpoint: its added tokens are tried, and
            its count of tokens makes a text longer than the limit.
        limit: Longest sequence in tokens.
        pairs_only: The checkpoint's users give pairs alone (a cross-encoder).
        prompts: Names of its prompts; of late interaction the sides that a text may be on.
        longest_run: A longer sequence is tokenized, but no model runs it.
    """
    added, rest = _added_tokens(tokenizer)
    longest_row = min(limit, WINDOW) if task == "question-answering" else limit
    long, run_long = _long(tokenizer, longest_row), limit <= longest_run
    texts = {"a short text": SHORT, "two scripts and emoji": SCRIPTS}
    if added:
        texts["its added tokens"] = added
    texts["a text longer than the limit"] = long

    def with_all(put: Callable[[str], str | tuple[str, str]]) -> list[Probe]:
        return [Probe(n, put(text), run_long or text is not long) for n, text in texts.items()]

    if task == "question-answering":
        return tuple(with_all(lambda text: (QUESTION, text)))
    pairs = [
        Probe("a pair", (SHORT, SECOND)),
        Probe("a pair longer than the limit", (long, long + SCRIPTS), whole=False),
    ]
    if pairs_only:
        return (*with_all(lambda text: (SECOND, text)), *pairs)
    tokens_only = [Probe("its added tokens", text, whole=False) for text in rest]
    tokens_only += [Probe("odd characters", text, whole=False) for text in PROBES]
    if task == "late-interaction" and prompts:
        every = [*with_all(lambda text: text), Probe("an empty text", ""), *tokens_only]
        return tuple(
            replace(probe, name=f"{probe.name} as a {side}", prompt=side)
            for probe in every
            for side in prompts
        )
    if task == "fill-mask":
        return (*_with_mask(texts, tokenizer, limit, run_long), *tokens_only)
    named = [Probe(f"the prompt {name!r}", SHORT, prompt=name) for name in prompts]
    every = [*with_all(lambda text: text), Probe("an empty text", ""), *named, *tokens_only]
    return (*every, *pairs) if task == "text-classification" else tuple(every)


def _with_mask(
    texts: Mapping[str, str], tokenizer: Any, limit: int, run_long: bool
) -> Iterator[Probe]:
    """Put a mask where it stays when the text is cut; a text that loses one has no answer."""
    mask, left = tokenizer.mask_token, tokenizer.truncation_side == "left"
    for name, text in texts.items():
        masked = f"{text} {mask}" if left else f"{mask} {text}"
        fits = len(tokenizer(masked)["input_ids"]) <= limit
        yield Probe(name, masked, fits or (run_long and mask not in text))


def _added_tokens(tokenizer: Any) -> tuple[str, list[str]]:
    """Return a text with added tokens, rare ones first, and further texts with the others."""
    special = set(tokenizer.all_special_tokens)
    names = sorted(tokenizer.get_added_vocab(), key=lambda token: (token in special, token))
    texts = [
        " ".join(f"river {token} town{token}old" for token in names[i : i + _ADDED_AT_ONCE])
        for i in range(0, len(names), _ADDED_AT_ONCE)
    ]
    return (texts[0], texts[1:]) if texts else ("", [])


def _long(tokenizer: Any, limit: int) -> str:
    """Write a text a sentence or two longer than the limit, whose ends differ."""
    per_sentence = len(tokenizer(f"10. {_SENTENCE}", add_special_tokens=False)["input_ids"])
    count = limit // max(1, per_sentence) + 2
    return "".join(f"{number}. {_SENTENCE}" for number in range(10, 10 + count))
