"""A long document: few of its windows are read, and these say what they say when all are read."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers_of_every_kind import KINDS, hard_texts, prose, save

import edge_distil as ed
from edge_distil._tokenizing.passages import LONGEST, passages
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.errors import InputError, InputTypeError
from edge_distil.tasks import answers, document

WORDS = "the keeper lives in London and Ada was in Paris at the river with an old lamp".split()
QUESTIONS = ("Who lives in London?", "Where was Ada?", "What is old?")
OPTIONS = {"top_k": 5, "handle_impossible_answer": True}


def long_text(words: int = 1500) -> str:
    draw = random.Random(words)
    sentences = (" ".join(draw.choices(WORDS, k=draw.randrange(4, 12))) for _ in range(words // 8))
    return "".join(f"{sentence.capitalize()}. " for sentence in sentences)


TEXT = long_text()


class Counting(ed.Embedding):
    """An embedding task that keeps what it is given, with the prompt's name."""

    def __init__(self, encoder: Any) -> None:
        super().__init__(encoder)
        self.seen: list[tuple[Any, str | None]] = []

    def encode(self, texts: Any, **options: Any) -> Any:
        self.seen.append((texts, options.get("prompt_name")))
        return super().encode(texts, **options)


@pytest.fixture(scope="module")
def qa(tiny: Path) -> ed.QuestionAnswering:
    return ed.QuestionAnswering.load(tiny / "question_answering")


@pytest.fixture
def embedding(tiny: Path) -> Counting:
    return Counting.load(tiny / "embedding")


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("prompt", ["", "the quick: "])
def test_no_passage_is_cut_and_none_is_left_out(kind: str, prompt: str, tmp_path: Path) -> None:
    """By the tokenizers library: each fits with its prompt, and each token is in one."""
    tokenizer = Tokenizer(save(kind, tmp_path), 64)
    draw = random.Random(kind)
    texts = hard_texts(draw, 3000) | {"longer": prose(draw, 20_000)}
    for name, text in texts.items():
        found = passages(tokenizer, text, prompt)
        for start, end in found.tolist():
            assert len(tokenizer.whole(prompt + text[start:end])) <= tokenizer.room(1), name
        starts, ends = found.T
        assert (np.diff(starts) >= 0).all(), name
        for start, end in tokenizer.whole(text).offsets:
            assert ((starts <= start) & (end <= ends)).any(), name


def test_passages_are_of_whole_sentences(tiny: Path) -> None:
    tokenizer = ed.Embedding.load(tiny / "embedding").encoder.tokenizer
    found = [TEXT[start:end] for start, end in passages(tokenizer, TEXT).tolist()]
    assert len(found) > 20
    assert {passage[-1] for passage in found} == {"."}
    assert " ".join(found) == TEXT.strip()
    lines = "a lamp\n" * 400  # no sentence ends, but lines do
    assert {lines[end : end + 1] for _, end in passages(tokenizer, lines).tolist()[:-1]} == {"\n"}
    quoted = '"The lamp is old." ' * 100
    assert {quoted[start] for start, _ in passages(tokenizer, quoted).tolist()} == {'"'}


def test_a_model_that_reads_much_gets_short_passages_all_the_same(tiny: Path) -> None:
    tokenizer = Tokenizer(tiny / "embedding", 8192)
    sizes = [len(tokenizer.whole(TEXT[a:b])) for a, b in passages(tokenizer, TEXT).tolist()]
    assert LONGEST // 2 < max(sizes) <= LONGEST


def test_a_document_is_a_text_like_any_other(qa: ed.QuestionAnswering, embedding: Counting) -> None:
    long = ed.Document(TEXT, embedding)
    assert long == TEXT
    for stride in (None, 0):
        pairs = [(question, TEXT) for question in QUESTIONS]
        same = [(question, long) for question in QUESTIONS]
        wanted = qa.batch(pairs, doc_stride=stride, **OPTIONS)
        assert qa.batch(same, doc_stride=stride, **OPTIONS) == wanted
        assert list(qa.stream(same, doc_stride=stride, preselect=10**6, **OPTIONS)) == wanted
    asked = {"question": QUESTIONS[0], "context": long}
    assert qa(asked, preselect=10**6) == qa(QUESTIONS[0], TEXT)


def listening(monkeypatch: pytest.MonkeyPatch) -> list[answers.Said]:
    """Keep what each window says, in order."""
    heard: list[answers.Said] = []
    add = answers.Answers.add

    def listen(self: answers.Answers, said: answers.Said) -> None:
        heard.append(said)
        add(self, said)

    monkeypatch.setattr(answers.Answers, "add", listen)
    return heard


def test_a_window_says_the_same_bits_and_the_right_ones_are_read(
    qa: ed.QuestionAnswering, embedding: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, short = listening(monkeypatch), {"max_seq_len": 64, "top_k": 3}
    long = ed.Document(TEXT, embedding)
    for question in QUESTIONS:
        heard.clear()
        qa.batch([(question, TEXT)], **short)
        every = list(heard)
        assert len(every) > 40
        for most in (1, 3, len(every) - 1, len(every)):
            heard.clear()
            [found] = qa.batch([(question, long)], preselect=most, **short)
            read = [every.index(said) for said in heard]  # equal in every bit of every score
            assert len(read) == most
            assert read == sorted(read)
            assert all(TEXT[answer.start : answer.end] == answer.text for answer in found)
            told = [answer for number in read for answer in every[number].answers.values()]
            assert found[0].score == max(answer.score for answer in told)
        vectors = embedding.encode([TEXT[a:b] for a, b in long.passages.tolist()])
        asked = embedding.encode(question, prompt="what is ")  # as this checkpoint wants it
        best = int((vectors @ asked).argmax())
        heard.clear()
        qa.batch([(question, long)], preselect=1, **short)
        middle = long.passages[best].mean()
        ends = [said.reached for said in every]
        starts = [0, *ends]  # a window begins before the one before it ends
        number = ends.index(heard[0].reached)
        assert starts[max(number - 1, 0)] <= middle <= ends[number]


def test_the_passages_are_embedded_once_and_the_text_is_tokenized_once(
    tiny: Path, embedding: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    qa = ed.QuestionAnswering.load(tiny / "question_answering")
    long = ed.Document(TEXT, embedding)
    tokenizer, seen = qa.encoder.tokenizer, []
    whole = tokenizer.whole
    monkeypatch.setattr(tokenizer, "whole", lambda part: seen.append(len(part)) or whole(part))
    asked = [(f"{question} {n}", long) for n in range(17) for question in QUESTIONS]
    qa.batch(asked, preselect=2)
    many, *single = embedding.seen
    assert len(many[0]) == len(long.passages)
    assert single == [(question, "query") for question, _ in asked]
    assert sum(seen) < 1.5 * len(TEXT)


def test_prompts_are_those_of_search(
    tiny_copy: Callable[[str], Path], qa: ed.QuestionAnswering
) -> None:
    bundle = tiny_copy("embedding")
    manifest = json.loads((bundle / "edge_distil.json").read_text("utf-8"))
    manifest["pooling"] |= {"prompts": {"passage": "text: ", "query": "find: "}}
    (bundle / "edge_distil.json").write_text(json.dumps(manifest), encoding="utf-8")
    embedding = ed.Embedding.load(bundle)
    long = ed.Document(TEXT, embedding)
    texts = [TEXT[start:end] for start, end in long.passages.tolist()]
    np.testing.assert_array_equal(long.vectors, embedding.encode(texts, prompt="text: "))
    vector = embedding.encode(QUESTIONS[0], prompt="find: ")
    wanted = embedding.similarity(vector, long.vectors)[0]
    np.testing.assert_array_equal(long.similarities(QUESTIONS[0]), wanted)


def test_a_tokenizer_that_cuts_left_is_read_from_the_end(
    tiny_copy: Callable[[str], Path], embedding: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tiny_copy("question_answering")
    file = bundle / "tokenizer_config.json"
    config = json.loads(file.read_text("utf-8")) | {"truncation_side": "left"}
    file.write_text(json.dumps(config), encoding="utf-8")
    (bundle / "edge_distil.json").unlink()
    qa, long = ed.QuestionAnswering.load(bundle), ed.Document(TEXT, embedding)
    heard = listening(monkeypatch)
    wanted = qa.batch([(QUESTIONS[0], TEXT)], **OPTIONS)
    every = list(heard)
    assert qa.batch([(QUESTIONS[0], long)], preselect=len(every), **OPTIONS) == wanted
    heard.clear()
    qa.batch([(QUESTIONS[0], long)], preselect=3, **OPTIONS)
    assert len(heard) == 3
    assert all(said in every for said in heard)


def test_a_short_text_and_one_without_tokens(qa: ed.QuestionAnswering, embedding: Counting) -> None:
    for text in ("Ada.", "\u200b\u200b"):
        assert qa("Who?", ed.Document(text, embedding), preselect=1) == qa("Who?", text)
    for text in ("", " \n"):
        with pytest.raises(InputError, match=r"^the context is .*, expected some text"):
            qa("Who?", ed.Document(text, embedding), preselect=1)


@pytest.mark.parametrize(
    ("preselect", "message"),
    [
        (0, "preselect is 0, expected at least 1"),
        (-3, "preselect is -3, expected at least 1"),
        (2.5, r"preselect is 2.5 \(a float\), expected an int"),
        ("8", r"preselect is '8' \(a str\), expected an int"),
        (True, r"preselect is True \(a bool\), expected an int"),
    ],
)
def test_numbers_that_are_none(
    preselect: Any, message: str, qa: ed.QuestionAnswering, embedding: Counting
) -> None:
    long = ed.Document("Ada lives in London.", embedding)
    for call in (qa, lambda *pair, **options: qa.batch([pair], **options)):
        with pytest.raises(InputError, match=message):
            call("Who?", long, preselect=preselect)
    with pytest.raises(InputError, match=message):
        qa.stream([("Who?", long)], preselect=preselect)


def test_what_is_no_document_and_no_embedding(
    qa: ed.QuestionAnswering, embedding: Counting
) -> None:
    with pytest.raises(InputTypeError, match=r"preselect is 8, .* expected a Document: give"):
        qa("Who?", "Ada lives in London.", preselect=8)
    with pytest.raises(InputTypeError, match=r"^pair 1: preselect is 8"):
        qa.batch([("Who?", ed.Document(TEXT, embedding)), ("Who?", TEXT)], preselect=8)
    wrong: Any
    for wrong, named in ((qa, "a QuestionAnswering"), (None, "None"), ("minilm", "a str")):
        with pytest.raises(InputTypeError, match=rf"^embedding is {named}, expected an embedding"):
            ed.Document(TEXT, wrong)
    for wrong, named in ((3, "an int"), (["Ada"], "a list")):
        with pytest.raises(InputTypeError, match=rf"^text is {named}, expected str"):
            ed.Document(wrong, embedding)
    with pytest.raises(InputError, match=r"^the document has half a surrogate pair"):
        ed.Document("a\ud83d", embedding)


def naive(
    windows: Sequence[Sequence[int]], places: Sequence[Sequence[int]], similar: Sequence[float]
) -> list[float]:
    """A score a window, by the words of `most_similar`."""
    middles = [sum(place) / 2 for place in places]
    scores = []
    for start, end in windows:
        held = [v for m, v in zip(middles, similar, strict=True) if start <= m <= end]
        nearest = min(range(len(middles)), key=lambda p: abs((start + end) / 2 - middles[p]))
        scores.append(max(held, default=similar[nearest]))
    return scores


lengths = st.lists(st.integers(1, 9), min_size=1, max_size=12)


@given(lengths, lengths, st.data())
def test_the_most_similar_windows_by_trying_all(
    steps: list[int], sizes: list[int], data: st.DataObject
) -> None:
    windows = [(int(start), int(start) + 8) for start in np.cumsum(steps)]
    ends = [int(end) for end in np.cumsum(sizes)]
    places = list(zip([0, *ends[:-1]], ends, strict=True))
    levels = st.sampled_from([-1.0, 0.0, 0.25, 0.5])
    similar = data.draw(st.lists(levels, min_size=len(places), max_size=len(places)))
    most = data.draw(st.integers(1, len(windows)))
    scores = naive(windows, places, similar)
    wanted = sorted(sorted(range(len(windows)), key=lambda n: (-scores[n], n))[:most])
    assert document.most_similar(windows, places, similar, most) == wanted
