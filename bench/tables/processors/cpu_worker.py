"""Run models on the processor that this process sees; write what they give.

    python bench/tables/processors/cpu_worker.py JOB.json OUTPUT

Needs the runtime's three packages alone, so that it runs where those have wheels. The job is
``{"bundle": ..., "pairs": [[question, context], ...], "models": {name: {"file": ...,
"feeds": [...]}}}``. Into the folder OUTPUT go ``answers.json``, ``logits-INDEX.npz`` for each
window of the bundle's int8 and, for each model, ``NAME-INDEX.npz`` with its outputs.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge_distil import QuestionAnswering
from edge_distil.session import Floats, OnnxSession, Session, Tokens


class Recorder:
    """A session that keeps what passes through it.

    Args:
        session: What it stands for.
        folder: Where outputs go; feeds go beside them.
    """

    def __init__(self, session: Session, folder: Path) -> None:
        self.session, self.folder, self.count = session, folder, 0
        self.inputs, self.outputs = session.inputs, session.outputs

    def run(
        self, feeds: Mapping[str, Tokens], outputs: Sequence[str] | None = None
    ) -> dict[str, Floats]:
        """See `Session.run`."""
        found = self.session.run(feeds, outputs)
        np.savez(self.folder / f"feeds-{self.count}.npz", **feeds)  # type: ignore[arg-type]
        np.savez(self.folder / f"logits-{self.count}.npz", **found)  # type: ignore[arg-type]
        self.count += 1
        return found


def answer(job: Mapping[str, Any], folder: Path) -> None:
    """Answer every question as an app does, through tokenizer, windows and spans."""
    encoder = QuestionAnswering.load(job["bundle"], variant="int8", threads=1).encoder
    recorder = Recorder(encoder.session, folder)
    task = QuestionAnswering(dataclasses.replace(encoder, session=recorder))
    answers = [task(question, context).text for question, context in job["pairs"]]
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")


def run_model(name: str, file: str, feeds: Sequence[str], folder: Path) -> None:
    """Run a model file on stored feeds, and store its outputs."""
    session = OnnxSession(Path(file), threads=1)
    for index, feed in enumerate(feeds):
        with np.load(feed) as stored:
            found = session.run(dict(stored))
        np.savez(folder / f"{name}-{index}.npz", **found)  # type: ignore[arg-type]


def main() -> None:
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    if job["pairs"]:
        answer(job, folder)
        print(f"  {len(job['pairs'])} questions, {time.monotonic() - started:.0f} s", flush=True)
    for name, model in job["models"].items():
        started = time.monotonic()
        run_model(name, model["file"], model["feeds"], folder)
        print(f"  {name}, {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
