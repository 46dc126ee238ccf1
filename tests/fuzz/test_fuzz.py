"""The short form of ``make fuzz``, and that the fuzzer finds what is there to be found."""

from __future__ import annotations

import sys

import pytest
from fuzz import run

SEED = 20261129

pytestmark = [
    pytest.mark.safety,
    pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer measures as POSIX does"),
]


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("json", 300),
        ("swaps", 300),
        ("tokenizer", 100),
        ("tokenizer-swaps", 100),
        ("onnx", 100),
        ("graphs", 100),
        ("calls", 500),
        ("tasks", 500),
    ],
)
def test_only_our_errors_or_right_results(kind: str, count: int) -> None:
    failures = run(kind, count, SEED, workers=1, hang=30.0)
    assert failures == [], "\n".join(map(str, failures))
