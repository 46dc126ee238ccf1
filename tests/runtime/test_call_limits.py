"""Options beyond what a machine or a model has: None where no default is meant, huge numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed
from edge_distil._machine import huge_pages
from edge_distil.errors import InputError, InputTypeError

HUGE = 2**70
PAIR = ("Who?", "Ada lives in London.")


@pytest.fixture(scope="module")
def tasks(tiny: Path) -> dict[str, Any]:
    names = ("question_answering", "text_classification", "fill_mask", "embedding")
    return {name: ed.load(tiny / name) for name in names}


@pytest.mark.parametrize("value", [None, HUGE])
@pytest.mark.parametrize("option", ["top_k", "max_answer_len", "max_question_len"])
def test_questions_have_no_none_and_no_number_beyond_an_index(
    option: str, value: Any, tasks: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=f"{option} is {value}.* expected"):
        tasks["question_answering"].batch([PAIR], **{option: value})


CALLS: list[tuple[str, Callable[[dict[str, Any]], Any]]] = [
    ("top_k", lambda tasks: tasks["fill_mask"]("the [MASK]", top_k=None)),
    ("window", lambda tasks: list(tasks["embedding"].stream(["storm"], window=None))),
    ("window", lambda tasks: list(tasks["embedding"].stream(["storm"], window=HUGE))),
    ("truncate_dim", lambda tasks: tasks["embedding"].encode("storm", truncate_dim=HUGE)),
    ("batch_size", lambda tasks: tasks["text_classification"].batch(["a"], batch_size=HUGE)),
    ("done", lambda tasks: tasks["embedding"].stream(["storm"], done=5)),
    ("keep_non_finite", lambda tasks: tasks["embedding"].stream(["a"], keep_non_finite="no")),
]


@pytest.mark.parametrize(("option", "call"), CALLS)
def test_other_options_too(
    option: str, call: Callable[[dict[str, Any]], Any], tasks: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=rf"{option} is .*, expected"):
        call(tasks)


def test_numbers_beyond_all_floats_are_no_vectors(tasks: dict[str, Any]) -> None:
    for compare in (tasks["embedding"].similarity, tasks["embedding"].similarity_pairwise):
        with pytest.raises(InputTypeError, match="cannot be read as numbers"):
            compare([10**400], [1.0])


def test_where_none_is_the_default_it_is_one(tasks: dict[str, Any]) -> None:
    labels = tasks["text_classification"]("storm", top_k=None)
    assert len(labels) == 3
    assert tasks["embedding"].encode(["a"], batch_size=None, truncate_dim=None).shape == (1, 16)
    assert tasks["question_answering"].batch([PAIR], max_seq_len=None, doc_stride=None)[0]


OPENINGS: list[tuple[str, Any]] = [
    ("variant", 5),
    ("variant", ["int8"]),
    ("variant", b"int8"),
    ("providers", [1]),
    ("huge_pages", "no"),
    ("huge_pages", 1),
    ("threads", HUGE),
    ("threads", 10**9),  # not "there is not the memory to load"
]


@pytest.mark.parametrize(("option", "value"), OPENINGS)
def test_load_refuses_by_name(option: str, value: Any, tiny: Path) -> None:
    with pytest.raises(InputError, match=rf"{option}.* expected"):
        ed.load(tiny / "embedding", **{option: value})


@pytest.mark.parametrize("value", ["1000000000", "²", "-1", "x"])
def test_the_environment_is_refused_as_the_option_is(
    value: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    with pytest.raises(InputError, match=r"OMP_NUM_THREADS is .*, expected"):
        ed.load(tiny / "embedding")


@pytest.mark.parametrize("value", ["ja", "2", "0 ", "\x1b[2J", "x" * 5000])
def test_a_variable_that_is_neither_yes_nor_no_is_refused(
    value: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(huge_pages.VARIABLE, value)
    with pytest.raises(InputError, match=r"^EDGE_DISTIL_HUGE_PAGES is .*, expected 1 ") as caught:
        ed.load(tiny / "embedding")
    assert len(str(caught.value)) < 250
    assert "\x1b" not in str(caught.value)
    ed.load(tiny / "embedding", huge_pages=False)  # what is said in the call needs no variable


@pytest.mark.parametrize(
    ("values", "wanted"),
    [(["", "1", "true", "Yes", "ON"], True), (["0", "false", "No", "OFF"], False)],
)
def test_a_variable_says_yes_or_no_in_any_case(
    values: list[str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in values:
        monkeypatch.setenv(huge_pages.VARIABLE, value)
        assert huge_pages.wanted(None) is wanted
        assert huge_pages.wanted(not wanted) is not wanted


def test_a_target_that_is_no_whole_text_is_named(tasks: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="half a surrogate pair"):
        tasks["fill_mask"]("the [MASK]", targets=["storm", "\ud800"])
    with pytest.raises(InputError) as caught:
        tasks["fill_mask"]("the [MASK]", targets="word " * 2000)
    assert len(str(caught.value)) < 250


def test_a_context_that_is_not_given_is_asked_for(tasks: dict[str, Any]) -> None:
    with pytest.raises(InputTypeError, match="the context is None, expected str: give it"):
        tasks["question_answering"]("Who lives in London?")
