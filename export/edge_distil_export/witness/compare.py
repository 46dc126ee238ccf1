"""Compare the two sides, probe by probe; a difference names its likely cause."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_distil.encoder import Encoder
from edge_distil.errors import EdgeDistilError, ParityError
from edge_distil_export.witness.ours import Bundle
from edge_distil_export.witness.testimony import Probe, Row, Seen, Testimony

_SHOWN = 8  # token ids in a message, from the first that differs


def check_end_to_end(encoder: Encoder, testimony: Testimony, atol: float) -> dict[str, Any]:
    """Let the bundle read what the witness read.

    Args:
        encoder: The opened bundle.
        testimony: From `consult`.
        atol: Largest absolute difference of outputs allowed.

    Returns:
        The evidence for the manifest.

    Raises:
        ParityError: Tokens, types, labels or outputs differ; the probe and the likely file are
            named.
    """
    bundle = Bundle(encoder)
    judge = _Judge(testimony, atol)
    for index, (found, wanted) in enumerate(zip(bundle.labels, testimony.labels, strict=False)):
        if wanted is not None and found != wanted:
            judge.fail(f"label {index} is", found, wanted, "id2label in config.json")
    pairs = [
        (probe, seen)
        for probe, seen in zip(testimony.probes, testimony.seen, strict=True)
        if seen is not None
    ]
    for probe, expected in pairs:
        judge.compare(probe, expected, _see(bundle, probe, testimony))
    judge.compare_vectors(bundle, pairs)
    unread = [p.name for p, s in zip(testimony.probes, testimony.seen, strict=True) if s is None]
    unseen = [testimony.unseen] if testimony.unseen else []
    unseen += [f"{name}, which it cannot read" for name in unread]
    return {
        "witness": testimony.library,
        "class": testimony.kind,
        "version": testimony.version,
        "probes": len(pairs),
        "max_abs_diff": float(f"{judge.largest:.3g}"),
        "atol": atol,
        **({"unseen": "; ".join(unseen)} if unseen else {}),
    }


def _see(bundle: Bundle, probe: Probe, testimony: Testimony) -> Seen:
    try:
        return bundle.see(probe)
    except EdgeDistilError as error:
        raise ParityError(
            f"the bundle refuses {probe.name} ({error}), which {testimony.name} reads: nothing "
            "was written; compare the checkpoint's tokenizer files"
        ) from error


class _Judge:
    """Holds the bundle against the testimony.

    Attributes:
        largest: The largest difference of outputs so far.
    """

    def __init__(self, testimony: Testimony, atol: float) -> None:
        self._name = testimony.name
        self._atol = atol
        self.largest = 0.0

    def compare(self, probe: Probe, expected: Seen, found: Seen) -> None:
        """Compare tokens, then types, then outputs, then the answer."""
        # A text that is cut to one row there may be read whole here, in windows.
        if len(expected.rows) > 1 and len(found.rows) != len(expected.rows):
            what = f"{probe.name}: its windows are"
            self.fail(what, len(found.rows), len(expected.rows), "tokenizer_config.json")
        for row in expected.rows:
            self._compare_row(probe, row, _closest(row, found.rows))
        if expected.answer is not None:
            self._numbers(probe, "answer", expected.answer, found.answer)

    def compare_vectors(self, bundle: Bundle, pairs: list[tuple[Probe, Seen]]) -> None:
        """Compare the vectors of all texts in one call, which goes another way than one text."""
        if bundle.task_name not in ("sentence-similarity", "sparse-embedding"):
            return
        with_answer = [
            (probe, seen.answer)
            for probe, seen in pairs
            if seen.answer is not None and probe.prompt is None
        ]
        vectors = bundle.vectors([str(probe.text) for probe, _ in with_answer])
        for (probe, expected), found in zip(with_answer, vectors, strict=True):
            self._numbers(probe, "answer", expected, found)

    def fail(self, what: str, found: Any, expected: Any, cause: str) -> None:
        """Raise `ParityError`."""
        raise ParityError(
            f"{what} {found}, {self._name} gives {expected}: nothing was written; the cause is "
            f"likely {cause}"
        )

    def _compare_row(self, probe: Probe, expected: Row, found: Row) -> None:
        if found.ids != expected.ids:
            here = _first_difference(found.ids, expected.ids)
            what = f"{probe.name}: the {len(found.ids)} token ids are, from {here} on,"
            cause = (
                "a setting of length or truncation (tokenizer_config.json, "
                "sentence_bert_config.json)"
                if "longer" in probe.name or here + 1 >= min(len(found.ids), len(expected.ids))
                else "tokenizer_config.json, special_tokens_map.json or added_tokens.json, which "
                "change what tokenizer.json says"
            )
            shown = slice(here, here + _SHOWN)
            self.fail(
                what, found.ids[shown], f"{expected.ids[shown]} of {len(expected.ids)}", cause
            )
        if found.types != expected.types:
            cause = "model_input_names or tokenizer_class in tokenizer_config.json"
            self.fail(f"{probe.name}: the token types are", found.types, expected.types, cause)
        for name, values in expected.outputs.items():
            self._numbers(probe, name, values, found.outputs.get(name))

    def _numbers(self, probe: Probe, name: str, expected: Any, found: Any) -> None:
        if name != "answer" and found is not None and len(found) == 1 < len(expected):
            expected = expected[:1]  # a last layer that computes the first token alone
        if found is None or np.shape(found) != np.shape(expected):
            shape = None if found is None else np.shape(found)
            self.fail(
                f"{probe.name}: the shape of {name} is", shape, np.shape(expected), "config.json"
            )
        difference = float(np.abs(np.subtract(expected, found)).max(initial=0.0))
        if not difference <= self._atol:  # NaN is no pass either
            raise ParityError(
                f"{probe.name}: {_WORDS.get(name, name)} differs from {self._name}'s by "
                f"{difference:.2e} at equal tokens, allowed {self._atol:.2e}: nothing was "
                f"written; the cause is likely {_CAUSES.get(name, _CAUSE)}"
            )
        self.largest = max(self.largest, difference)


_WORDS = {"answer": "what the user gets"}
_CAUSE = "config.json, or weights that the graph lacks"
_CAUSES = {"answer": "modules.json and its folders, or the activation of the scores in config.json"}


def _closest(row: Row, candidates: tuple[Row, ...]) -> Row:
    """Return the row of the same tokens, else the one that has most of them in place."""

    def alike(other: Row) -> tuple[bool, int]:
        return other.ids == row.ids, _first_difference(other.ids, row.ids)

    return max(candidates, key=alike)


def _first_difference(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
