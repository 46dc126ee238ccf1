"""What a caller passes that is not a text, a pair or an option: refused by name, on every task."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_distil as ed
from edge_distil.errors import InputError, InputTypeError

pandas = pytest.importorskip("pandas")

# What is not a text, and how it is named.
NO_TEXTS: dict[str, tuple[Any, str]] = {
    "None": (None, "None"),
    "int": (3, "an int"),
    "float": (float("nan"), "a float"),
    "bytes": (b"storm", "a bytes"),
    "list": (["storm", "river"], "a list"),
    "tuple": (("storm", "river", "London"), "a tuple of 3"),
    "set": ({"storm"}, "a set"),
    "dict": ({"sentence": "storm"}, "a dict with the keys 'sentence'"),
    "path": (Path("storm.txt"), "a PosixPath"),
    "array": (np.array(["storm", "river"]), "a ndarray"),
    "series": (pandas.Series(["storm", "river"]), "a Series"),
    "frame": (pandas.DataFrame({"text": ["storm"]}), "a DataFrame"),
    "generator": ((text for text in ["storm"]), "a generator"),
}
# What holds no texts in an order: a str's letters, a dict's keys, a table's columns.
NO_LISTS = {
    name: NO_TEXTS[name][0] for name in ("None", "int", "float", "bytes", "set", "dict", "path")
} | {
    "str": "storm",
    "frame": pandas.DataFrame({"text": ["storm"], "label": ["O"]}),
    "table": np.array([["storm", "river"]]),
    "number": np.array("storm"),
}
TASKS = ("question_answering", "text_classification", "token_classification", "fill_mask")


@pytest.fixture(scope="module")
def tasks(tiny: Path) -> dict[str, Any]:
    return {name: ed.load(tiny / name) for name in (*TASKS, "embedding")}


def single_calls(tasks: dict[str, Any]) -> dict[str, Callable[[Any], Any]]:
    qa, clf, ner, mlm, embedding = (tasks[name] for name in (*TASKS, "embedding"))
    return {
        "qa, question": lambda value: qa(value, "Ada lives in London."),
        "qa, context": lambda value: qa("Who?", value),
        "qa.batch, question": lambda value: qa.batch([(value, "Ada lives in London.")]),
        "qa.batch, context": lambda value: qa.batch([("Who?", value)]),
        "clf": clf,
        "clf, pair": lambda value: clf("storm", value) if value is not None else clf(None),
        "clf.batch": lambda value: clf.batch(["storm", value]),
        "clf.batch, pair": lambda value: clf.batch([("storm", value)]),
        "ner": ner,
        "ner.batch": lambda value: ner.batch(["storm", value]),
        "mlm": mlm,
        "mlm.each_mask": mlm.each_mask,
        "mlm, target": lambda value: mlm("the [MASK]", targets=[value]),
        "encode": lambda value: embedding.encode(["storm", value]),
        "encode_query": lambda value: embedding.encode_query(["storm", value]),
        "stream": lambda value: list(embedding.stream(["storm", value])),
        "stream with a prompt": lambda value: list(embedding.stream([value], prompt="query: ")),
        "hidden_states": lambda value: embedding.hidden_states(["storm", value]),
        "prompt": lambda value: embedding.encode("storm", prompt=[value]),
    }


@pytest.mark.parametrize("name", sorted(NO_TEXTS))
def test_what_is_no_text_is_refused_by_name(name: str, tasks: dict[str, Any]) -> None:
    value, named = NO_TEXTS[name]
    for entry, call in single_calls(tasks).items():
        check_refusal(entry, call, value, named)


def check_refusal(entry: str, call: Callable[[Any], Any], value: Any, named: str) -> None:
    with pytest.raises(InputTypeError) as caught:
        pytest.fail(f"{entry} gives {call(value)!r}")
    message = str(caught.value)
    assert named in message or entry == "prompt", entry
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, TypeError)
    assert re.fullmatch("[^\n]* expected [^\n]*", message), entry


@pytest.mark.parametrize("name", sorted(NO_LISTS))
def test_what_is_no_list_is_refused_by_name(name: str, tasks: dict[str, Any]) -> None:
    qa, clf, ner, mlm, embedding = (tasks[name] for name in (*TASKS, "embedding"))
    value = NO_LISTS[name]
    calls: dict[str, Callable[[Any], Any]] = {
        "qa.batch": qa.batch,
        "clf.batch": clf.batch,
        "ner.batch": ner.batch,
        "ignore_labels": lambda value: ner("storm", ignore_labels=value),
        "stream": lambda value: list(embedding.stream(value)),
        "hidden_states": embedding.hidden_states,
    }
    if name != "str":
        calls |= {"encode": embedding.encode, "encode_document": embedding.encode_document}
        if value is not None:
            calls["targets"] = lambda value: mlm("the [MASK]", targets=value)
    for entry, call in calls.items():
        with pytest.raises(InputTypeError, match="expected a list"):
            pytest.fail(f"{entry} gives {call(value)!r}")


@pytest.mark.parametrize(
    "pair",
    [
        ["Who?", "Ada lives in London."],
        ("Who?",),
        ("Who?", "Ada", "London"),
        "ab",
        np.array(["Who?", "Ada"]),
        {"question": "Who?"},
        {"question": "Who?", "context": "Ada", "id": "5"},
        {"query": "Who?", "context": "Ada"},
    ],
)
def test_what_is_no_pair_is_refused_by_name(pair: Any, tasks: dict[str, Any]) -> None:
    qa = tasks["question_answering"]
    with pytest.raises(InputTypeError, match=r"pair 1 is .* expected a tuple \(question, context"):
        qa.batch([("Who?", "Ada lives in London."), pair])


def test_a_list_for_a_pair_of_texts_is_refused(tasks: dict[str, Any]) -> None:
    with pytest.raises(InputTypeError, match="text 0 is a list"):
        tasks["text_classification"].batch([["storm", "river"]])


def test_the_pipelines_dicts_are_pairs(tasks: dict[str, Any]) -> None:
    qa, clf = tasks["question_answering"], tasks["text_classification"]
    question, context = "Who lives in London?", "Ada lives in London, at the river."
    pair = {"context": context, "question": question}
    assert qa(pair) == qa(question, context) == qa(question=question, context=context)
    assert qa.batch([pair], top_k=3) == qa.batch([(question, context)], top_k=3)
    both = {"text": "a storm", "text_pair": "a river"}
    assert clf(both) == clf("a storm", "a river") == clf(("a storm", "a river"))
    assert clf.batch([both, {"text": "a storm"}]) == clf.batch([("a storm", "a river"), "a storm"])
    with pytest.raises(InputTypeError, match="the question is a dict"):
        qa(pair, context)


def test_texts_of_other_types_are_read_as_the_texts_they_are(tasks: dict[str, Any]) -> None:
    """What iterates over texts is a list of texts: an array, a column, a generator, a file."""
    texts = ["a storm", "Ada lives in London", ""]
    forms: list[Callable[[], Any]] = [
        lambda: tuple(texts),
        lambda: np.array(texts),
        lambda: np.array(texts, object),
        lambda: pandas.Series(texts, index=[7, 8, 9]),
        lambda: (text for text in texts),
    ]
    ner, clf, embedding = (
        tasks[name] for name in ("token_classification", "text_classification", "embedding")
    )
    for form in forms:
        assert ner.batch(form()) == ner.batch(texts)
        assert clf.batch(form()) == clf.batch(texts)
        assert embedding.encode(form()).tolist() == embedding.encode(texts).tolist()
    assert clf(np.str_("a storm")) == clf("a storm")
    assert embedding.encode(np.str_("a storm")).shape == (16,)


OPTIONS: list[tuple[str, Callable[[dict[str, Any], Any], Any], list[Any]]] = [
    (option, lambda tasks, value, o=option: tasks["question_answering"].batch(
        [("Who?", "Ada")], **{o: value}), [0, -1, 1.5, "8", True, [1]])
    for option in ("top_k", "max_answer_len", "max_seq_len", "max_question_len")
] + [
    ("doc_stride", lambda tasks, value: tasks["question_answering"].batch(
        [("Who?", "Ada")], doc_stride=value), [-1, 1.5, "8", True]),
    ("align_to_words", lambda tasks, value: tasks["question_answering"](
        "Who?", "Ada", align_to_words=value), ["yes", 1, None]),
    ("handle_impossible_answer", lambda tasks, value: tasks["question_answering"](
        "Who?", "Ada", handle_impossible_answer=value), ["no", 0]),
    ("top_k", lambda tasks, value: tasks["text_classification"]("storm", top_k=value),
        [0, 1.5, "3", False]),
    ("batch_size", lambda tasks, value: tasks["text_classification"].batch(
        ["storm"], batch_size=value), [0, -2, 8.0, "8", True]),
    ("top_k", lambda tasks, value: tasks["fill_mask"]("the [MASK]", top_k=value),
        [0, 1.5, "3", None]),
    ("batch_size", lambda tasks, value: tasks["embedding"].encode(["storm"], batch_size=value),
        [0, 8.0, "8", True]),
    ("batch_size", lambda tasks, value: tasks["embedding"].encode("storm", batch_size=value),
        [0, "8"]),
    ("window", lambda tasks, value: list(tasks["embedding"].stream(["storm"], window=value)),
        [0, "8", True]),
    ("truncate_dim", lambda tasks, value: tasks["embedding"].encode("storm", truncate_dim=value),
        [0, -1, "8", 2.0]),
    ("normalize_embeddings", lambda tasks, value: tasks["embedding"].encode(
        ["storm"], normalize_embeddings=value), ["no", None]),
    ("show_progress", lambda tasks, value: tasks["embedding"].encode(
        ["storm"], show_progress=value), ["yes", None]),
    ("precision", lambda tasks, value: tasks["embedding"].encode(["storm"], precision=value),
        ["float16", 8, None, ["int8"]]),
    ("prompt_name", lambda tasks, value: tasks["embedding"].encode(["storm"], prompt_name=value),
        [5, ["query"]]),
    ("aggregation_strategy", lambda tasks, value: tasks["token_classification"](
        "storm", aggregation_strategy=value), ["mean", 1, None, ["simple"]]),
    ("ignore_labels", lambda tasks, value: tasks["token_classification"](
        "storm", ignore_labels=value), ["O", None, [1]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("option", "call", "value"),
    [(option, call, value) for option, call, values in OPTIONS for value in values],
    ids=lambda value: None if callable(value) else repr(value),
)
def test_options_of_other_types_are_refused_by_name(
    option: str, call: Callable[[dict[str, Any], Any], Any], value: Any, tasks: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=rf"{option}.* expected"):
        call(tasks, value)


@pytest.mark.parametrize("value", [np.zeros((40, 40)), 10**5_000, "x" * 10**6], ids=type)
def test_options_of_any_length_are_named_in_one_line(value: Any, tasks: dict[str, Any]) -> None:
    for option, call, _ in OPTIONS:
        with pytest.raises(InputError, match=option.split("_")[0]) as caught:
            call(tasks, value)
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 400


def test_options_that_are_not_there_are_refused_by_name(tasks: dict[str, Any]) -> None:
    with pytest.raises(InputTypeError, match=r"'top_k'.*use batch"):
        tasks["question_answering"]("Who?", "Ada", top_k=3)
    with pytest.raises(TypeError, match="batch_sise"):
        tasks["embedding"].encode(["storm"], batch_sise=3)
    with pytest.raises(TypeError, match="prompt_nam"):
        tasks["embedding"].encode_query(["storm"], prompt_nam="query")


def test_numpy_numbers_are_numbers(tasks: dict[str, Any]) -> None:
    qa = tasks["question_answering"]
    assert qa.batch([("Who?", "Ada")], top_k=np.int64(2)) == qa.batch([("Who?", "Ada")], top_k=2)


def test_a_bad_text_in_a_stream_is_named_by_its_place(tasks: dict[str, Any]) -> None:
    def texts() -> Iterator[Any]:
        yield from ["storm"] * 40
        yield None

    with pytest.raises(InputTypeError, match="text 40 is None"):
        list(tasks["embedding"].stream(texts()))


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_threads_of_other_types_are_refused_by_name(threads: Any, tiny: Path) -> None:
    with pytest.raises(InputError, match="threads is"):
        ed.load(tiny / "embedding", threads=threads)


@pytest.mark.parametrize("path", [None, 5, b"qa", ["qa"], "q\0a", "\ud800", "q" * 5_000], ids=repr)
def test_what_no_place_can_be_named_is_refused(path: Any) -> None:
    with pytest.raises(InputError, match=r"^path is .*, (expected a str or a Path|which no file)"):
        ed.load(path)
