"""Streams of every task: what transformers gives, in order, lazily, with errors in their place."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed
from edge_distil.errors import InputError
from edge_distil.streaming import WINDOW, WINDOW_TOKENS

SCORE = 1e-5  # see test_tasks.py

Truth = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A task, an input for each number, one that is wrong, and what the error calls it."""

    bundle: str
    make: Callable[[int], Any]
    wrong: Any
    named: str


def text(number: int) -> str:
    return f"{'the old ship and ' * (number % 9)}Ada lives in Paris {number}."


CASES = [
    Case("text_classification", text, 5, "text {} is an int"),
    Case("text_classification", lambda n: (text(n), "a storm"), ("a", 3), "pair {}: the text_pair"),
    Case("token_classification", text, "half \ud83d", "text {}"),
    Case(
        "question_answering", lambda n: ("Who lives?", text(n)), ("Who?", " "), "pair {}: the con"
    ),
    Case("fill_mask", lambda n: f"{text(n)} a [MASK]", "a storm", "text {}: no mask"),
]


@pytest.fixture(params=CASES, ids=lambda case: f"{case.bundle}-{case.named}")
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def task(case: Case, tiny: Path) -> Any:
    return ed.load(tiny / case.bundle, threads=2)


def alone(task: Any, given: Any) -> Any:
    """The plain call on one input."""
    if isinstance(task, ed.QuestionAnswering):
        return [task(*given)]
    return task(*given) if isinstance(given, tuple) else task(given)


def test_labels_are_transformers(tiny: Path, truth: Truth) -> None:
    expected = truth("text_classification")
    task = ed.TextClassification.load(tiny / "text_classification")
    texts = [*expected["texts"], *map(tuple, expected["pairs"])]
    wanted = [*expected["labels"], *expected["pair_labels"]]
    for got, want in zip(task.stream(iter(texts), top_k=None), wanted, strict=True):
        assert [label.label for label in got] == [w["label"] for w in want]
        assert [label.score for label in got] == pytest.approx(
            [w["score"] for w in want], abs=SCORE
        )


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_entities_are_transformers(strategy: Any, tiny: Path, truth: Truth) -> None:
    expected = truth("token_classification")
    task = ed.TokenClassification.load(tiny / "token_classification")
    found = task.stream(iter(expected["texts"]), aggregation_strategy=strategy)
    for got, want in zip(found, expected["entities"][strategy], strict=True):
        assert [(e.start, e.end) for e in got] == [(w["start"], w["end"]) for w in want]
        assert [e.score for e in got] == pytest.approx([w["score"] for w in want], abs=SCORE)


def test_candidates_are_transformers(tiny: Path, truth: Truth) -> None:
    expected = truth("fill_mask")
    task = ed.FillMask.load(tiny / "fill_mask")
    for got, want in zip(task.stream(iter(expected["texts"])), expected["candidates"], strict=True):
        assert [c.token for c in got] == [w["token_str"] for w in want]
        assert [c.score for c in got] == pytest.approx([w["score"] for w in want], abs=SCORE)
    several = ["[MASK] and [MASK]", "a [MASK]"]
    assert list(task.stream_each_mask(several)) == [task.each_mask(text) for text in several]


def test_a_long_stream_gives_what_the_plain_call_gives(task: Any, case: Case) -> None:
    given = [case.make(number) for number in range(700)]  # long work: it runs side by side
    found = list(task.stream(iter(given)))
    assert [bool(items) for items in found] == [True] * len(given)
    for number in (0, 1, 8, 300, 698, 699):
        assert found[number] == alone(task, given[number])
    if not isinstance(task, ed.FillMask):
        assert task.batch(given) == found


def test_an_endless_stream_is_read_as_it_is_needed(task: Any, case: Case) -> None:
    read = 0

    def endless() -> Iterator[Any]:
        nonlocal read
        for number in itertools.count():
            read += 1
            yield case.make(number)

    before = threading.active_count()
    found = task.stream(endless())
    next(found)
    assert read <= 8
    for _ in range(1500):
        next(found)
    assert read <= 1500 + 2 * WINDOW
    assert threading.active_count() > before
    found.close()
    assert threading.active_count() <= before


def test_windows_of_one_text_are_read_ahead_by_their_tokens(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows are cut as they are needed: of a text that never ends, too few to fill the memory."""
    from edge_distil.tasks import token_classification

    task = ed.TokenClassification.load(tiny / "token_classification", threads=2)
    original, cut = token_classification.of_text, 0

    def counted(*arguments: Any) -> Iterator[Any]:
        nonlocal cut
        for window in itertools.cycle(list(original(*arguments))):
            cut += len(window)
            yield window

    monkeypatch.setattr(token_classification, "of_text", counted)
    taken = itertools.count(1)

    def stop(done: int, total: int | None) -> None:
        if next(taken) == 3000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        task.batch([text(5)], aggregation_strategy="none", ignore_labels=(), show_progress=stop)
    assert cut <= 3000 * 3 + 3 * WINDOW_TOKENS


def test_an_error_comes_after_the_results_before_it(task: Any, case: Case) -> None:
    for place in (3, 100, 650):
        given = [case.make(number) for number in range(place)]
        found = task.stream(iter([*given, case.wrong, *given]))
        before = [next(found) for _ in range(place)]
        assert before[-1] == alone(task, given[-1])
        with pytest.raises(InputError, match=case.named.format(place)):
            next(found)
        assert not list(found)


def test_a_broken_source_ends_a_stream_after_its_results(task: Any, case: Case) -> None:
    def broken() -> Iterator[Any]:
        yield from map(case.make, range(20))
        raise OSError("the disk is gone")

    found = task.stream(broken())
    assert len([next(found) for _ in range(20)]) == 20
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


def test_an_interrupt_leaves_no_threads(task: Any, case: Case) -> None:
    def interrupted() -> Iterator[Any]:
        yield from map(case.make, range(1500))
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        for _ in task.stream(interrupted()):
            pass
    assert threading.active_count() <= before


def test_wrong_options_are_named_at_the_call(task: Any, case: Case) -> None:
    with pytest.raises(InputError, match=r"(pairs|texts) is a str"):
        task.stream("a storm")
    option = "aggregation_strategy" if isinstance(task, ed.TokenClassification) else "top_k"
    with pytest.raises(InputError, match=option):
        task.stream([], **{option: 0})
    assert list(task.stream([])) == []


def test_streams_of_one_task_run_side_by_side(task: Any, case: Case) -> None:
    given = [case.make(number) for number in range(60)]
    wanted = list(task.stream(given))
    found: dict[int, Any] = {}

    def run(number: int) -> None:
        found[number] = list(task.stream(given * 10))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found[number] == wanted * 10 for number in range(4))
