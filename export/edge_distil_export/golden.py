"""Probe strings with the token ids that the checkpoint's own tokenizer gives.

The runtime tokenizes them again at load: a tokenizer file that was edited, or a tokenizers
release that reads it otherwise, shows before it costs accuracy.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edge_distil.errors import CheckpointError
from edge_distil.manifest import GoldenTokens

PROBES = (
    "The quick brown fox jumps over the lazy dog.",
    "Où était le café « Élysée » à Zürich?",
    "I ❤️ 🍕 and 👩‍🚀!",
    "東京は日本の首都です。 北京 서울",
    "In 1,024 tests, 99.5% passed (v2.0-rc1) for $3.14e-2.",
    "",
    " \t\n ",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "cafe\u0301 nai\u0308ve ﬁne ½ №5",
    "UPPER lower MiXeD_snake-case it's e-mail@example.org #tag",
)


def golden_tokens(tokenizer: Any, bundle: Path) -> tuple[GoldenTokens, ...]:
    """Tokenize the probes, with special tokens and without truncation.

    Args:
        tokenizer: transformers' tokenizer of the checkpoint.
        bundle: The directory whose ``tokenizer.json`` must agree with it.

    Raises:
        CheckpointError: ``tokenizer.json`` gives other ids than transformers does.
    """
    golden = tuple(GoldenTokens(text, tuple(_ids(tokenizer, text))) for text in PROBES)
    check_golden(golden, bundle, "transformers' tokenizer")
    return golden


def check_golden(golden: Iterable[GoldenTokens], bundle: Path, library: str) -> None:
    """Hold a bundle's ``tokenizer.json``, as its readers call it, against a library's ids.

    Args:
        golden: The library's.
        bundle: The bundle's directory.
        library: Who gave them, for the message.

    Raises:
        CheckpointError: It gives others.
    """
    from tokenizers import Tokenizer

    plain = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    plain.no_truncation()
    plain.no_padding()
    for probe in golden:
        ids = tuple(plain.encode(probe.text).ids)
        if ids != probe.ids:
            raise CheckpointError(
                f"tokenizer.json gives {ids} for {probe.text!r}, {library} gives {probe.ids}: the "
                "checkpoint's tokenizer files contradict each other; load the tokenizer and "
                "save_pretrained it over them"
            )


def _ids(tokenizer: Any, text: str) -> list[int]:
    return [int(i) for i in tokenizer(text, add_special_tokens=True, truncation=False)["input_ids"]]
