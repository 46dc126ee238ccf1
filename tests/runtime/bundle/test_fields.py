"""Every field of a manifest with every wrong value: one clear error each, or no difference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed
from edge_distil import errors
from edge_distil._reading import fields
from edge_distil._tokenizing.tokenizer import Tokenizer
from edge_distil.manifest import from_json

pytestmark = pytest.mark.wide

Copy = Callable[[str], Path]
Place = tuple[str | int, ...]

# Each stands for a kind: types, ranges, and what a JSON text can hold and a program cannot use.
WRONG = [
    None, True, 0, -1, 2.5, 1e300, 10**39, 2**63, "", "x", "\x1b[31m", "a\x00b", "x" * 200_000,
    [], [None], [[]], ["x"], [-1], {}, {"x": None}, {"path": {}}, "../x", "/etc/passwd",
]  # fmt: skip
RAW = ["1e999", "-1e999", "NaN", "1" * 5000, "[" * 100_000, '{"a":' * 100_000, '"\\ud800"', "1 1"]


def places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the place of every value in a document, that of the document first."""
    yield place
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*place, name))
    if isinstance(value, list):
        for index in range(min(len(value), 2)):
            yield from places(value[index], (*place, index))


def with_each(document: Any, values: Sequence[Any]) -> Iterator[Any]:
    """Yield the document with each value at each place, one at a time."""
    whole = [document]
    for place in list(places(whole))[1:]:
        inner = whole
        for step in place[:-1]:
            inner = inner[step]
        kept = inner[place[-1]]
        for value in values:
            inner[place[-1]] = value
            yield whole[0]
        inner[place[-1]] = kept


def check(open_it: Callable[[], object]) -> None:
    """Open something; what is no good is our error, in one printable line."""
    found = ""
    try:
        open_it()
    except errors.EdgeDistilError as error:
        found = str(error)
    assert found.isprintable(), found
    assert len(found) < 600


def test_a_message_is_never_longer_than_a_page() -> None:
    message = str(errors.InputError(f"got {'[PAD]' * 10**5}, expected one: give it"))
    assert len(message) == 3003
    assert message.startswith("got [PAD]")
    assert message.endswith("expected one: give it")


def test_every_field_with_every_wrong_value(tiny: Path) -> None:
    document = json.loads((tiny / "embedding" / "edge_distil.json").read_text("utf-8"))
    document["labels"] = ["a", "b"]
    document["variants"]["fp32"]["parts"] = document["files"][:2]
    for wrong in with_each(document, WRONG):
        check(partial(from_json, json.dumps(wrong)))


def test_every_field_with_what_json_alone_can_say(tiny: Path) -> None:
    document = json.loads((tiny / "embedding" / "edge_distil.json").read_text("utf-8"))
    for marked in with_each(document, ["@here@"]):
        for raw in RAW:
            check(partial(from_json, json.dumps(marked).replace('"@here@"', raw)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_length": 0}, "max_length is 0, expected a whole number from 1 to 10,000,000: copy"),
        ({"max_length": True}, "max_length is true, expected a whole number"),
        ({"first_position": -1}, "first_position is -1, expected a whole number from 0 to"),
        ({"labels": ["a", 1]}, r"labels.1 is 1, expected a text"),
        ({"labels": {}}, "labels is an object of 0, expected a list"),
        ({"golden": [{"text": 5, "ids": []}]}, "golden.0.text is 5, expected a text"),
        ({"golden": [{"text": "a", "ids": [-1]}]}, "golden.0.ids.0 is -1, expected a whole"),
        ({"files": [{"path": {}}]}, "files.0.path is an object of 0, expected a text"),
        (
            {"files": [{"path": "../x", "bytes": 1, "sha256": "0" * 64}]},
            "expected a path inside",
        ),
        ({"files": [{"path": "x", "bytes": 1, "sha256": 1.0}]}, "sha256 is 1.0, expected a text"),
        ({"variants": {"\x1b[31m": 5}}, r"variants.\\u001b\[31m is 5, expected an object"),
        ({"pooling": None}, "has no pooling.mode, expected one"),
        ({"pooling": {"mode": "nowhere"}}, "pooling.mode is 'nowhere', expected one of cls, max, "),
    ],
)
def test_the_message_names_file_field_value_and_what_was_expected(
    tiny: Path, changes: dict[str, Any], message: str
) -> None:
    document = json.loads((tiny / "embedding" / "edge_distil.json").read_text("utf-8"))
    with pytest.raises(errors.BundleCorrupt, match=f"^dir/edge_distil.json:? .*{message}"):
        from_json(json.dumps({**document, **changes}), "dir/edge_distil.json")


@pytest.mark.parametrize(
    ("bundle", "name"),
    [
        ("embedding", "config.json"),
        ("text_classification", "config.json"),
        ("embedding", "tokenizer_config.json"),
        ("embedding", "special_tokens_map.json"),
        ("embedding", "modules.json"),
        ("embedding", "1_Pooling/config.json"),
        ("embedding", "sentence_bert_config.json"),
        ("embedding", "config_sentence_transformers.json"),
    ],
)
def test_the_files_of_a_folder_without_manifest(tiny_copy: Copy, bundle: str, name: str) -> None:
    folder = tiny_copy(bundle)
    (folder / "edge_distil.json").unlink()
    document = json.loads((folder / name).read_text("utf-8"))
    texts = [json.dumps(wrong) for wrong in with_each(document, WRONG)]
    marked = [json.dumps(wrong) for wrong in with_each(document, ["@here@"])]
    texts += [text.replace('"@here@"', raw) for text in marked for raw in RAW]
    for text in [*texts, *RAW, *map(json.dumps, WRONG)]:
        (folder / name).write_text(text)
        check(lambda: (ed.open_bundle(folder), Tokenizer(folder, 16)))


def test_fields_of_a_later_release_are_ignored_wherever_they_stand(tiny_copy: Copy) -> None:
    path = tiny_copy("embedding") / "edge_distil.json"
    document = json.loads(path.read_text("utf-8"))

    def extended(value: Any) -> Any:
        if isinstance(value, dict):
            named_by_user = value in (document["pooling"]["prompts"], document["variants"])
            inner = {name: extended(part) for name, part in value.items()}
            return inner if named_by_user else {**inner, "of_a_later_release": 5}
        return [extended(part) for part in value] if isinstance(value, list) else value

    later = {name: extended(part) for name, part in document.items()}
    for variant in later["variants"].values():  # open to any name, but not to any value
        variant["operators"]["Gelu"], variant["tools"]["of_a_later_release"] = 5, "5"
    path.write_text(json.dumps({**later, "of_a_later_release": {"a": [5]}}))
    assert ed.load(path.parent, variant="int8").variant == "int8"


def test_a_file_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(" " * (fields.LARGEST + 1))
    with pytest.raises(errors.BundleCorrupt, match=r"larger than 8,388,608 bytes, the most for a"):
        fields.read(path)


def test_what_transformers_writes_for_no_limit_is_a_number() -> None:
    found = fields.parse('{"a": 1000000000000000019884624838656, "b": 1e30}', "x")
    assert found == {"a": int(1e30), "b": 1e30}
