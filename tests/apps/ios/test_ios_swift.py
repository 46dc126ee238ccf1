"""The Swift code of apps/ios, compiled here: its own tests, and its tokenizer on all of Unicode.

EDGE_DISTIL_SWIFT says how Swift is called; apps/ios/README.md says how to get a compiler:

    EDGE_DISTIL_SWIFT=swift pytest -m slow tests/apps/ios/test_ios_swift.py
"""

from __future__ import annotations

import json
import os
import random
import shlex
import subprocess
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from swift_golden import TEXTS, TOKENIZER, load_tokenizer, tokens

PACKAGE = Path(__file__).parents[3] / "apps" / "ios"
SWIFT = os.environ.get("EDGE_DISTIL_SWIFT", "")
SURROGATES = range(0xD800, 0xE000)
MIXED_TEXTS, LONGEST = 20_000, 40

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SWIFT, reason="EDGE_DISTIL_SWIFT is not set"),
]


def swift(*arguments: str, text: str = "") -> str:
    command = [*shlex.split(SWIFT), *arguments]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    return run.stdout + run.stderr


def test_the_package_passes_its_own_tests() -> None:
    assert " 0 failures" in swift("test", "--package-path", str(PACKAGE))


def characters() -> list[str]:
    return [chr(code) for code in range(sys.maxunicode + 1) if code not in SURROGATES]


def mixed() -> list[str]:
    """Texts of characters from all over, those that tokenizers stumble over above all."""
    draw = random.Random(2019)
    hard = [c for text in TEXTS for c in text]
    marks = [c for c in characters() if unicodedata.combining(c)]
    letters = [c for c in characters() if c.isalpha()]
    pools = (hard, marks, letters, list("abcde fgh ABC.,'-"), ["[SEP]", "##", "👩‍🚀", "\r\n"])
    return [
        "".join(draw.choice(draw.choice(pools)) for _ in range(draw.randint(1, LONGEST)))
        for _ in range(MIXED_TEXTS)
    ]


@pytest.mark.parametrize("kind", ["every character", "mixed"])
def test_tokens_offsets_and_words_are_those_of_tokenizers(kind: str) -> None:
    texts = mixed() if kind == "mixed" else [f"a{character}b" for character in characters()]
    found = swift_tokens(texts)
    tokenizer = load_tokenizer()
    different = [
        (text, own, expected)
        for text, own in zip(texts, found, strict=True)
        if own != (expected := tokens(tokenizer, text))
    ]
    assert different[:5] == []


def swift_tokens(texts: Sequence[str]) -> list[list[list[int]]]:
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    options = ("run", "-c", "release", "--package-path", str(PACKAGE), "edge-distil-check")
    out = swift(*options, str(TOKENIZER), text=lines)
    return [json.loads(line) for line in out.splitlines() if line.startswith("[[") or line == "[]"]
