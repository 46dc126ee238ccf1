"""Streams of texts: order, bounds, errors; against sentence-transformers' numbers."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge_distil as ed
from edge_distil.batching import TOKEN_BUDGET, Buckets
from edge_distil.errors import InputError
from edge_distil.streaming import WINDOW

VECTOR = 1e-5  # see test_tasks.py
LONG = 40  # how often the texts are repeated: long work, for which a session is opened

Truth = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def task(tiny: Path) -> ed.Embedding:
    return ed.Embedding.load(tiny / "embedding", threads=2)


@pytest.fixture
def expected(truth: Truth) -> dict[str, Any]:
    return truth("embedding")


def many(texts: list[str]) -> list[str]:
    """Return thousands of texts of many lengths, which begin with `texts`."""
    filled = [f"{text} {'storm ' * (n % 60)}" for n in range(LONG) for text in texts]
    return [*texts, *filled, *texts]


def test_long_work_equals_sentence_transformers(
    task: ed.Embedding, expected: dict[str, Any], tiny: Path
) -> None:
    texts, wanted = many(expected["texts"]), np.array(expected["vectors"])
    bulk = ed.Embedding.load_for_bulk(tiny / "embedding", threads=2)
    for model in (task, bulk):
        found = model.encode(texts)
        count = len(expected["texts"])
        np.testing.assert_allclose(found[:count], wanted, atol=VECTOR)
        np.testing.assert_allclose(found[-count:], wanted, atol=VECTOR)
    assert task.encoder.bulk is task.encoder.bulk
    assert task.encoder.bulk.workers == 2
    assert bulk.encoder.bulk is bulk.encoder


@pytest.mark.parametrize("window", [1, 7, 64])
def test_blocks_are_windows_in_order(
    window: int, task: ed.Embedding, expected: dict[str, Any]
) -> None:
    texts = many(expected["texts"])
    blocks = list(task.stream(texts, window=window))
    sizes = [len(texts[start : start + window]) for start in range(0, len(texts), window)]
    assert [len(block) for block in blocks] == sizes
    np.testing.assert_allclose(np.concatenate(blocks), task.encode(texts), atol=VECTOR)


@pytest.mark.parametrize("words", [20, 400])  # less than long work, and more
def test_an_endless_stream_is_read_as_it_is_needed(words: int, task: ed.Embedding) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        for number in itertools.count():
            read += 1
            yield f"storm {number} " * words

    before = threading.active_count()
    blocks = task.stream(endless(), window=32)
    for taken in range(1, 5):
        assert next(blocks).shape == (32, 16)
        assert read <= 32 * (taken + 1)
    blocks.close()  # type: ignore[attr-defined]
    assert threading.active_count() <= before


def test_what_is_no_text_is_named_by_its_place(task: ed.Embedding) -> None:
    texts: list[Any] = ["storm " * 30] * (2 * WINDOW)
    texts[WINDOW + 5] = 3
    with pytest.raises(InputError, match=rf"text {WINDOW + 5} is an int"):
        task.encode(texts)
    texts[WINDOW + 5] = "half \ud83d"
    with pytest.raises(InputError, match=rf"text {WINDOW + 5} has half a surrogate pair"):
        task.encode(texts, prompt="query: ")
    with pytest.raises(InputError, match="text 1 is None"):
        list(task.stream(["x", None], prompt="query: "))  # type: ignore[list-item]


def test_wrong_options_are_named_before_a_text_is_read(task: ed.Embedding) -> None:
    def unread() -> Iterator[str]:
        raise AssertionError
        yield ""

    for option in ("truncate_dim", "batch_size", "window"):
        with pytest.raises(InputError, match=f"{option} is 0, expected at least 1"):
            task.stream(unread(), **{option: 0})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no prompt 'passage'"):
        task.stream(unread(), prompt_name="passage")


def test_a_broken_source_ends_the_stream(task: ed.Embedding) -> None:
    def broken() -> Iterator[str]:
        yield from ["storm " * 30] * 100
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(task.stream(broken(), window=64))


def test_progress(task: ed.Embedding, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[int, int | None]] = []
    texts = ["storm", "a calm night", "storm"]
    task.encode(texts, show_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3, 3)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    task.encode(iter(texts), show_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3, None)
    task.encode(texts, show_progress=True)
    output = capsys.readouterr()
    assert output.out == ""
    assert "3 of 3 texts" in output.err


def test_no_text_at_all(task: ed.Embedding) -> None:
    assert task.encode([], truncate_dim=6).shape == (0, 6)
    assert list(task.stream([])) == []


@given(st.lists(st.integers(2, 512), max_size=300), st.none() | st.integers(1, 9))
def test_every_text_is_in_one_batch_of_its_width(lengths: list[int], size: int | None) -> None:
    buckets = Buckets(size)
    full = [buckets.add(index, length) for index, length in enumerate(lengths)]
    batches = [*(batch for batch in full if batch), *buckets.rest()]
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for indices in batches:
        assert len({lengths[index] for index in indices}) == 1
        assert len(indices) == 1 or sum(lengths[index] for index in indices) <= TOKEN_BUDGET
        assert size is None or len(indices) <= size
