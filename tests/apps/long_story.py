"""A story of any length, of which ten sentences answer a question each; all of it is ours.

The facts are such that minilm-l6-squad, which reads each of 500 windows by itself, is surest of
them among all windows by some hundredths: of what a submarine was called it was not, even in fp32,
nor of when a tunnel was finished beside an orphanage that was closed.
"""

from __future__ import annotations

import random
from typing import NamedTuple


class Planted(NamedTuple):
    """A fact: the sentence that holds it, a question, and the answer."""

    sentence: str
    question: str
    answer: str


FACTS = [
    Planted(*fact)
    for fact in (
        (
            "The lighthouse of Skarvik was first lit in 1847.",
            "When was the lighthouse of Skarvik first lit?",
            "1847",
        ),
        (
            "The bell foundry of Ostrava-on-Sea burned down in 1874.",
            "When did the bell foundry of Ostrava-on-Sea burn down?",
            "1874",
        ),
        (
            "The orphanage of Ilvan was founded by Berta Olsen.",
            "Who founded the orphanage of Ilvan?",
            "Berta Olsen",
        ),
        (
            "The railway tunnel of Montreval was finished in 1902.",
            "When was the railway tunnel of Montreval finished?",
            "1902",
        ),
        (
            "The glacier observatory was opened to the public in 1931.",
            "When was the glacier observatory opened to the public?",
            "1931",
        ),
        (
            "The opera about the silver falcon was composed by Livia Brandt.",
            "Who composed the opera about the silver falcon?",
            "Livia Brandt",
        ),
        (
            "The first submarine of the northern fleet was built by Anton Rask.",
            "Who built the first submarine of the northern fleet?",
            "Anton Rask",
        ),
        (
            "The ink of the Corvani scribes was made from walnut shells.",
            "What was the ink of the Corvani scribes made from?",
            "walnut shells",
        ),
        (
            "The novel about the glass harbour was printed in 1788.",
            "When was the novel about the glass harbour printed?",
            "1788",
        ),
        (
            "The capital of the island republic of Quillon is Port Esmé.",
            "What is the capital of the island republic of Quillon?",
            "Port Esmé",
        ),
    )
]
_WHO = (
    "the old miller", "a tired carpenter", "the youngest sister", "one of the fishermen",
    "the schoolteacher", "a travelling merchant", "the baker", "her neighbour", "the shepherd",
    "a boy with a lantern", "the innkeeper", "two of the sailors", "the gardener", "our uncle",
)  # fmt: skip
_DID = (
    "carried a basket of apples", "mended the broken fence", "waited for the ferry",
    "counted the sacks of flour", "told a long story", "looked for a lost key", "lit the stove",
    "painted the wooden gate", "watched the clouds", "sang an old song", "swept the courtyard",
    "repaired a pair of boots", "poured warm milk into the bowls", "read a letter twice",
)  # fmt: skip
_WHERE = (
    "beside the canal", "behind the mill", "near the market square", "on the stone bridge",
    "under the tall chestnut trees", "at the end of the lane", "in the kitchen", "by the pond",
    "in front of the stable", "along the muddy path", "at the edge of the forest",
)  # fmt: skip
_WHEN = (
    "before the rain began", "while the others slept", "until the lamps were out",
    "as soon as the fog had lifted", "although nobody had asked", "and said nothing more",
    "because the evening was cold", "when the geese came back", "after a late supper",
)  # fmt: skip
_PARAGRAPH = 6  # sentences


def story(words: int, seed: int = 7) -> str:
    """Return some more than so many words, with the facts far apart and in an order of chance."""
    draw = random.Random(seed)
    facts = draw.sample([fact.sentence for fact in FACTS], len(FACTS))
    sentences: list[str] = []
    written = 0
    while written < words:
        if facts and written >= words * (1 - (len(facts) - 0.5) / len(FACTS)):
            sentence = facts.pop()
        else:
            who, did, where, when = map(draw.choice, (_WHO, _DID, _WHERE, _WHEN))
            sentence = f"{who.capitalize()} {did} {where} {when}."
        sentences.append(sentence)
        written += len(sentence.split())
    starts = range(0, len(sentences), _PARAGRAPH)
    return "\n\n".join(" ".join(sentences[start : start + _PARAGRAPH]) for start in starts)
