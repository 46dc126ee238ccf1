"""Rows in, rows out: what the Core ML session does around the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_distil
from edge_distil.coreml import CoreMLSession, Lengths
from edge_distil.errors import InputError, MissingExtra, SessionError

PAD = 9


class Doubling:
    """A package whose logits are twice the ids, and whose vector is their masked sum."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def predict(self, data: dict[str, Any]) -> Mapping[str, Any]:
        ids, mask = data["input_ids"], data["attention_mask"]
        assert ids.dtype == mask.dtype == np.int32
        assert (ids[mask == 0] == PAD).all()
        self.shapes.append(ids.shape)
        return {"logits": np.float16(2 * ids), "vector": np.float32((ids * mask).sum(1)[:, None])}


def run(lengths: Lengths, ids: list[list[int]]) -> tuple[Doubling, dict[str, Any]]:
    package = Doubling()
    outputs = {"logits": True, "vector": False}
    session = CoreMLSession(package, ("input_ids", "attention_mask"), outputs, lengths, PAD)
    tokens = np.array(ids, np.int64)
    feeds = {"input_ids": tokens, "attention_mask": (tokens != PAD).astype(np.int64)}
    return package, session.run(feeds)


@pytest.mark.parametrize(
    ("lengths", "padded"),
    [
        (Lengths("fixed", (8,)), 8),
        (Lengths("enumerated", (2, 4, 8)), 4),
        (Lengths("range", (2, 8)), 3),
        (Lengths("range", (6, 8)), 6),
    ],
)
def test_rows_are_padded_run_and_cut_back(lengths: Lengths, padded: int) -> None:
    package, found = run(lengths, [[1, 2, 3], [4, 5, PAD]])
    assert package.shapes == [(1, padded)] * 2
    np.testing.assert_array_equal(found["logits"], [[2, 4, 6], [8, 10, 2 * PAD]])
    np.testing.assert_array_equal(found["vector"], [[6], [9]])
    assert all(values.dtype == np.float32 for values in found.values())


def test_too_long_a_row() -> None:
    with pytest.raises(InputError, match="has 3 tokens, the Core ML package takes at most 2"):
        run(Lengths("fixed", (2,)), [[1, 2, 3]])


def test_missing_input() -> None:
    session = CoreMLSession(
        Doubling(), ("input_ids", "token_type_ids"), {"logits": True}, Lengths("fixed", (8,)), PAD
    )
    with pytest.raises(SessionError, match="takes the input token_type_ids"):
        session.run({"input_ids": np.ones((1, 3), np.int64)})


def test_core_ml_fails() -> None:
    class Failing:
        def predict(self, data: dict[str, Any]) -> Mapping[str, Any]:
            raise RuntimeError("Error computing NN outputs\nat line 3")

    session = CoreMLSession(
        Failing(), ("input_ids",), {"logits": True}, Lengths("fixed", (8,)), PAD
    )
    with pytest.raises(SessionError, match=r"shape \(1, 8\) \(Error computing NN outputs\)"):
        session.run({"input_ids": np.ones((1, 3), np.int64)})


def test_without_coremltools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from edge_distil.coreml import open_predictor

    monkeypatch.setitem(__import__("sys").modules, "coremltools", None)
    with pytest.raises(MissingExtra, match="pip install coremltools"):
        open_predictor(tmp_path / "model.mlpackage")


def test_compute_units_are_core_mls(tiny: Path) -> None:
    with pytest.raises(InputError, match="does not run on Core ML"):
        edge_distil.load(tiny / "question_answering", compute_units="all")
