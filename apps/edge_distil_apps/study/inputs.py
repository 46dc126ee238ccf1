"""What the models of a study are asked: a fixed passage, a sample of questions, sentence pairs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.encoder import Encoder
from edge_distil.errors import DataError
from edge_distil.evaluate.squad_file import SquadExample, read_squad
from edge_distil.evaluate.sts import read_pairs
from edge_distil_apps.shipped import DATA, PASSAGES
from edge_distil_bench.protocol.queries import Queries, make_queries

QUESTIONS, PAIRS = "questions", "pairs"
FULL_PASSAGE, PADDED, UNPADDED = "passage-384", "passage-padded", "passage-unpadded"

LENGTH = 384  # tokens: the paper's repository compared its builds at this length
_OWN = DATA / "study.json"
_MOST_QUESTIONS = 1024  # of a --squad file: as many as a headline has queries
_LONGEST_QUESTION, _STRIDE = 64, 128  # tokens; question answering's own defaults
_QUICK_PAIRS = 64  # of a --stsb file: a whole pass is for the full protocol

Text = tuple[str, ...]


def make_inputs(
    encoder: Encoder, seed: int, *, squad: Path | None, stsb: Path | None, quick: bool
) -> dict[str, Queries]:
    """Return every list of queries, by its id; the same for all models.

    Args:
        encoder: Of the first model: the tokens that are recorded are its tokenizer's.
        seed: Of the samples.
        squad: A SQuAD file to sample, in place of the own-written passages.
        stsb: An STS-B file, in place of the own-written pairs.
        quick: Draw fewer of the pairs.

    Raises:
        DataError: A file cannot be read, or none of its questions fits into one window.
    """
    own = json.loads(_OWN.read_text(encoding="utf-8"))
    usual = next(e for e in read_squad(PASSAGES).examples if e.id == own["usual"])
    usual_text = (usual.question, usual.context)
    filled = _fill(encoder, own["passage"]["question"], own["passage"]["context"])
    questions, questions_from = _questions(encoder, seed, squad)
    pairs, pairs_from = _pairs(own["pairs"], seed, stsb, quick)
    made = [
        make_queries(encoder, QUESTIONS, questions_from, questions),
        make_queries(
            encoder, FULL_PASSAGE, f"one passage that fills {LENGTH} tokens", [filled],
            pad_to=LENGTH,
        ),
        make_queries(
            encoder, PADDED, f"one usual passage, padded to {LENGTH} tokens", [usual_text],
            pad_to=LENGTH,
        ),
        make_queries(encoder, UNPADDED, "the same passage, not padded", [usual_text]),
        make_queries(encoder, PAIRS, pairs_from, pairs),
    ]  # fmt: skip
    return {queries.inputs.id: queries for queries in made}


def _fill(encoder: Encoder, question: str, context: str) -> Text:
    """Return the passage, cut where another vocabulary than BERT's needs more tokens for it."""
    words = context.split(" ")
    while not _fits(encoder, question, context):
        words.pop()
        context = " ".join(words)
    return question, context


def _fits(encoder: Encoder, question: str, context: str) -> bool:
    windows = encoder.tokenizer.pair_windows(
        question, context, max_length=LENGTH, stride=_STRIDE, max_first=_LONGEST_QUESTION
    )
    return len(windows) == 1


def _questions(encoder: Encoder, seed: int, squad: Path | None) -> tuple[list[Text], str]:
    """Draw questions with their passages."""
    examples: Sequence[SquadExample] = read_squad(squad or PASSAGES).examples
    drawn = random.Random(f"{seed}/questions").sample(examples, len(examples))
    texts: list[Text] = []
    for example in drawn:
        if len(texts) < _MOST_QUESTIONS and _fits(encoder, example.question, example.context):
            texts.append((example.question, example.context))
    if not texts:
        raise DataError(
            f"{squad} has no question that fits with its passage into {LENGTH} tokens, expected "
            "some: give a SQuAD file"
        )
    source = f"of {squad.name}" if squad else "about own-written passages"
    return texts, f"{len(texts)} questions {source}, in a seeded order"


def _pairs(
    own: Sequence[Sequence[str]], seed: int, stsb: Path | None, quick: bool
) -> tuple[list[Text], str]:
    """Return sentence pairs: a full pass over them is the paper's Table 3."""
    if stsb is None:
        texts = [tuple(pair) for pair in own]
        return texts, f"{len(texts)} own-written sentence pairs"
    texts = [(pair.first, pair.second) for pair in read_pairs(stsb)]
    if not quick or len(texts) <= _QUICK_PAIRS:
        return texts, f"all {len(texts)} sentence pairs of {stsb.name}"
    drawn = random.Random(f"{seed}/pairs").sample(texts, _QUICK_PAIRS)
    return drawn, f"{_QUICK_PAIRS} of the {len(texts)} sentence pairs of {stsb.name}"


def same_tokens(tokenizers: Sequence[Tokenizer], inputs: Iterable[Queries]) -> bool:
    """Return whether all tokenizers give the same ids for every query."""
    pairs = [(query[0], query[1]) for queries in inputs for query in queries.texts]
    ids = [[e.ids for e in tokenizer.encode(pairs, LENGTH)] for tokenizer in tokenizers]
    return all(other == ids[0] for other in ids[1:])
