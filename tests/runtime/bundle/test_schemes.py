"""Label schemes with ends: joined as what they are; seqeval's opinion: tests/evaluation_oracles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge_distil as ed
from edge_distil.evaluate.spans import spans
from edge_distil.tasks.schemes import group, read_scheme

TYPES = ("PER", "LOC", "X-Y")
# How other schemes write B, I, E and S.
LETTERS = {"IOBES": "BIES", "BILOU": "BILU", "BMES": "BMES", "BMEWO": "BMEW"}
# Sets of labels that published models have -> what some of them are.
PUBLISHED: list[tuple[str, dict[str, str]]] = [
    ("O B-PER I-PER B-LOC I-LOC", {"B-PER": "B-PER", "I-LOC": "I-LOC", "O": "O"}),
    ("O I-PER I-LOC", {"I-PER": "I-PER"}),
    ("O PER LOC MISC", {"PER": "I-PER", "MISC": "I-MISC"}),
    ("O B-PER I-PER E-PER S-PER S-DATE", {"E-PER": "E-PER", "S-DATE": "S-DATE"}),
    ("O B-PER I-PER L-PER U-PER", {"L-PER": "E-PER", "U-PER": "S-PER"}),
    ("B-name M-name E-name S-name O", {"M-name": "I-name", "S-name": "S-name"}),
    ("O B-address I-address S-address", {"S-address": "S-address"}),
    ("O b-per i-per e-per s-per", {"b-per": "B-per", "e-per": "E-per"}),
    ("O B_PER I_PER", {"B_PER": "B-PER", "I_PER": "I-PER"}),
    ("B I O", {"B": "B-_", "I": "I-_"}),
    ("O B-X-Y I-X-Y", {"I-X-Y": "I-X-Y"}),
    # Labels that merely look alike.
    ("O B-PER I-PER E-mail U-turn", {"E-mail": "I-E-mail", "U-turn": "I-U-turn"}),
    ("[PAD] [CLS] X O B-PER I-PER", {"[CLS]": "I-[CLS]", "B-PER": "B-PER"}),
    ("NOUN VERB SPACE SYM X", {"SYM": "I-SYM", "X": "I-X"}),
    ("S M L", {"S": "I-S", "M": "I-M"}),
]


@pytest.mark.parametrize(("labels", "expected"), PUBLISHED)
def test_published_sets_of_labels(labels: str, expected: dict[str, str]) -> None:
    scheme = read_scheme(labels.split())
    assert {name: str(scheme[name]) for name in expected} == expected


sequences = st.lists(
    st.one_of(st.just("O"), st.builds("{}-{}".format, st.sampled_from("BIES"),
                                      st.sampled_from(TYPES))),
    max_size=12,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(LETTERS))
@given(sequences)
def test_a_scheme_is_what_its_letters_mean(name: str, tags: list[str]) -> None:
    """The same sequence, written in another scheme, has the same entities."""
    letters = dict(zip("BIES", LETTERS[name], strict=True))
    written = [tag if tag == "O" else letters[tag[0]] + tag[1:] for tag in tags]
    labels = ["O", *(f"{letter}-{kind}" for letter in LETTERS[name] for kind in TYPES)]
    scheme = read_scheme(labels)
    assert [str(scheme[tag]) for tag in written] == tags
    joined = [g for g in group([scheme[tag] for tag in written]) if written[g[0]] != "O"]
    assert [(g[0], g[-1] + 1) for g in joined] == [(s.start, s.end) for s in spans(tags)]


def relabel(bundle: Path, labels: list[str]) -> Path:
    """Give a bundle's classes other names: B-PER, I-PER, B-LOC, I-LOC are indices 1 to 4."""
    manifest = bundle / "edge_distil.json"
    document = json.loads(manifest.read_text("utf-8"))
    document["labels"] = labels
    manifest.write_text(json.dumps(document), encoding="utf-8")
    return bundle


@pytest.mark.parametrize(
    "labels",
    ["O B-PER E-PER S-LOC I-LOC", "O B-PER L-PER U-LOC B-LOC", "O b_PER e_PER s_LOC i_LOC"],
)
@pytest.mark.parametrize("strategy", ["simple", "first", "average", "max"])
def test_entities_have_the_type_alone(
    labels: str, strategy: Any, tiny_copy: Callable[[str], Path]
) -> None:
    task = ed.TokenClassification.load(relabel(tiny_copy("token_classification"), labels.split()))
    text = "Ada works for ACME in Paris; the keeper of the small red boat lives in London. " * 4
    found = task(text, aggregation_strategy=strategy, ignore_labels=())
    assert {e.label for e in found} <= {"O", "PER", "LOC"}
    assert [e for e in found if e.label != "O"]
    tokens = task(text, aggregation_strategy="none", ignore_labels=())
    assert {e.label for e in tokens} <= set(labels.split())
    if strategy == "simple":
        scheme = read_scheme(labels.split())
        expected = spans([str(scheme[e.label]) for e in tokens])
        got = [(e.label, e.start, e.end) for e in found if e.label != "O"]
        assert got == [(s.label, tokens[s.start].start, tokens[s.end - 1].end) for s in expected]


def test_a_perfect_tagger_scores_one_in_every_scheme(
    tiny_copy: Callable[[str], Path], tmp_path: Path
) -> None:
    """The file holds what the model finds, in its own scheme; it was 0 for BIOES."""
    from edge_distil.evaluate import evaluate, predict
    from edge_distil.evaluate.spans import TaggedSentence

    sentences = ["Ada works for ACME in Paris", "the keeper lives in London", "a storm at the sea"]
    for labels in ("O B-PER E-PER S-LOC I-LOC", "O B-PER L-PER U-LOC I-LOC"):
        folder = tmp_path / labels.replace(" ", "")
        folder.mkdir()
        bundle = tiny_copy("token_classification").rename(folder / "bundle")
        task = ed.TokenClassification.load(relabel(bundle, labels.split()))
        tagged = predict.tags(task, [TaggedSentence(tuple(s.split()), (), "") for s in sentences])
        letters = {"E": "L", "S": "U"} if "U" in labels else {}
        data = folder / "data.conll"
        lines = [
            "".join(
                f"{word} {letters.get(tag[0], tag[0])}{tag[1:]}\n"
                for word, (tag, _) in zip(sentence.split(), tags, strict=True)
            )
            for sentence, tags in zip(sentences, tagged, strict=True)
        ]
        data.write_text("\n".join(lines), encoding="utf-8")
        assert evaluate(task, data).metrics["f1"] == 100
