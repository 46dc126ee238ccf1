"""What was opened for long work shares few texts out among its threads too."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import edge_distil as ed

TEXTS = ["Ada lives in Paris", "the old ship sat on the sea .", "Ada ."] * 4


def test_few_texts_run_beside_each_other(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = ed.Embedding.load_for_bulk(tiny / "embedding", threads=2)
    session: Any = task.encoder.session
    run, ran = session.run, set()

    def noted(*arguments: Any) -> Any:
        ran.add(threading.current_thread())
        return run(*arguments)

    monkeypatch.setattr(session, "run", noted)
    together = task.encode(TEXTS)
    assert ran
    assert threading.main_thread() not in ran
    assert together.tobytes() == ed.Embedding.load(tiny / "embedding").encode(TEXTS).tobytes()
