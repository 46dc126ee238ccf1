"""What is wrong and what to do are told apart in every message, however it puts them."""

from __future__ import annotations

import pytest

from edge_distil_apps.cli.ending.failure import split

# Messages as they are printed -> what is wrong, and what to do, told apart by a person.
MESSAGES = [
    ("qa has int8 already (calibrated): replace it with --force, or leave --int8 out",
     "qa has int8 already (calibrated)", "replace it with --force, or leave --int8 out"),
    ("a.csv is UTF-16 and ends within a character (2 bytes): it was cut short, fetch it again",
     "a.csv is UTF-16 and ends within a character (2 bytes): it was cut short", "fetch it again"),
    ("int8 gives NaN, expected numbers; nothing was written, use another variant",
     "int8 gives NaN, expected numbers; nothing was written", "use another variant"),
    ("m.onnx is not an ONNX file; a Git LFS pointer or a failed download? Fetch it again",
     "m.onnx is not an ONNX file; a Git LFS pointer or a failed download", "Fetch it again"),
    ("models are compared on the same queries, so give bundles of one task",
     "models are compared on the same queries", "so give bundles of one task"),
    ("it is not a plain encoder, leave it out", "it is not a plain encoder", "leave it out"),
    ("the bundle refuses a text; nothing was written; compare the checkpoint's files",
     "the bundle refuses a text; nothing was written", "compare the checkpoint's files"),
    ("to build, give: --build DIR -o INDEX", "to build", "give: --build DIR -o INDEX"),
    ("name at least one variant to add: --int8 or --ort",
     "name at least one variant to add: --int8 or --ort",
     "name at least one variant to add: --int8 or --ort"),
    # nothing but what was expected
    ("task foo is unknown, expected one of a, b", "task foo is unknown, expected one of a, b",
     "give one of a, b"),
    ("opset is 3, expected 18 to 23", "opset is 3, expected 18 to 23", "give 18 to 23"),
    # words that only look like it
    ("run.npy exists, and is a directory", "run.npy exists, and is a directory", None),
    ("a row has an id, name and path", "a row has an id, name and path", None),
    ("the disk is full", "the disk is full", None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "wrong", "remedy"), MESSAGES)
def test_what_is_wrong_and_what_to_do(line: str, wrong: str, remedy: str | None) -> None:
    assert split(line) == (wrong, remedy)
