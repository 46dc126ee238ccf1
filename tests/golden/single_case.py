"""What golden cases are made of: one case, texts that try a runtime, and who answers."""

from __future__ import annotations

import json
from typing import Any

from golden_cases import HERE

OURS = "edge_distil"
PIPELINE = "transformers"
LIBRARY = "sentence-transformers"
MODEL2VEC = "model2vec"
SPACED = "  🙂 Ada\u2028lives\tin 東京 , Paris\u00a0and \U0001f1eb\U0001f1f7 London .  "
LONG = " ".join(["Ada works for ACME in Paris; the old lighthouse keeper was in Bern 🙂."] * 25)
NAMES = ("[UNK]", "ＡＤＡ", "e\u0301té", "I\u0307stanbul", "\u200bstorm")


def case(
    call: str, inputs: list[Any], expected: Any = None, oracle: str = OURS, **options: Any
) -> dict[str, Any]:
    """One case; where nobody else says what is expected, the runtime will."""
    return {
        "call": call, "inputs": inputs, "options": options, "oracle": oracle, "expected": expected,
    }  # fmt: skip


def truth(name: str) -> Any:
    """What make_tiny_bundles.py kept of other libraries' answers."""
    return json.loads((HERE / "tiny" / f"{name}.json").read_text(encoding="utf-8"))
