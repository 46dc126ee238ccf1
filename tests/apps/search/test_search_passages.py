"""How texts are cut: what a passage is, and that its lines are true."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_distil_apps.search.passages import LEAST_WORDS, MOST_WORDS, count_words, split

PIECES = st.sampled_from(
    [
        "\n", "\n\n", " ", "word", "a sentence.", "# heading", "\n# Title\n\n", "\n====\n", "灯台",
        "```\n", "\t", "é", "🙂", "long " * 200, "x" * 900, "\x0c", "\u2028", "- item\n",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join), st.booleans())
def test_the_lines_of_the_file_hold_the_passage(text: str, markdown: bool) -> None:
    lines = text.split("\n")
    passages = split(text, markdown=markdown)
    for passage in passages:
        assert passage.text in "\n".join(lines[passage.start - 1 : passage.end])
        assert passage.text.split("\n")[0] in lines[passage.start - 1]
        assert passage.text.split("\n")[-1] in lines[passage.end - 1]
        assert 1 <= count_words(passage.text) <= MOST_WORDS
    kept = "".join("".join(passage.text.split()) for passage in passages)
    assert _letters(kept) == _letters(text)


def _letters(text: str) -> str:
    """All that is no space and no rule under a title."""
    return re.sub(r"[\s=#-]", "", text)


def test_paragraphs_are_gathered_until_there_is_enough() -> None:
    paragraphs = [f"p{n} " + "word " * 48 + "end." for n in range(6)]  # 50 words each
    passages = split("\n\n".join(paragraphs))
    assert [p.text.count("end.") for p in passages] == [3, 3]
    assert [(p.start, p.end) for p in passages] == [(1, 5), (7, 11)]


def test_headings_end_passages_and_are_carried_along() -> None:
    body = "word " * LEAST_WORDS
    text = f"# Guide\n\n{body}\n\n## Install\n\n{body}\n\n### Linux\n\n{body}\n\n## Use\n\n{body}\n"
    passages = split(text, markdown=True)
    assert [p.heading for p in passages] == [
        "Guide", "Guide > Install", "Guide > Install > Linux", "Guide > Use"
    ]  # fmt: skip
    assert [p.start for p in passages] == [1, 5, 9, 13]


def test_underlined_titles_nest_in_their_order_of_appearance() -> None:
    body = "word " * LEAST_WORDS
    text = f"Guide\n=====\n\n{body}\n\nInstall\n-------\n\n{body}\n\nUse\n---\n\n{body}\n"
    assert [p.heading for p in split(text)] == ["Guide", "Guide > Install", "Guide > Use"]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("# a comment\n\nwords\n", False),
        ("```\n# a comment\n```\n", True),
        ("a | b\n--|--\n", True),
    ],
)
def test_what_is_no_heading(text: str, markdown: bool) -> None:
    assert [p.heading for p in split(text, markdown=markdown)] == [""]


def test_a_long_paragraph_is_cut_at_sentences() -> None:
    sentence = "one two three four five six seven eight nine ten. "
    passages = split(sentence * 40)
    assert all(p.text.endswith("ten.") for p in passages)
    assert {(p.start, p.end) for p in passages} == {(1, 1)}


def test_a_hundred_thousand_words_on_one_line_and_one_word_of_a_megabyte() -> None:
    assert len(split("word " * 100_000)) == 100_000 / MOST_WORDS
    assert "".join(p.text for p in split("x" * 1_000_000)) == "x" * 1_000_000


@pytest.mark.parametrize("text", ["", "\n\n", " \t\n", "====\n"])
def test_nothing_to_find(text: str) -> None:
    assert split(text, markdown=True) == []
