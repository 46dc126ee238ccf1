"""One process of `long_documents`: ask all questions in every way, or take one and weigh it.

    python -P long_documents_worker.py SETTINGS, a JSON object

What was found is printed as a JSON object, too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import edge_distil as ed
from edge_distil._tokenizing.windows import span
from edge_distil.tasks.answers import CONTEXT
from edge_distil.tasks.document import windows_to_read
from edge_distil_bench.costs.memory import peak, resident

SHORT = 4_000  # characters of a document that is read before anything is measured
PROBE = "What is it about?"


def ask(settings: dict[str, Any], text: str) -> dict[str, Any]:
    """Time every question in every way, in turns."""
    qa, embedding = opened(settings)
    read(qa, ed.Document(text[:SHORT], embedding), PROBE, 8)
    started = time.perf_counter()
    document = ed.Document(text, embedding)
    read(qa, document, PROBE, 1)  # tokenizes it, too
    prepared = time.perf_counter() - started
    ways = [None, *settings["chosen"]]
    runs: dict[str, list[Any]] = {"all": [], **{str(most): [] for most in settings["chosen"]}}
    for number, question in enumerate(settings["asked"]):
        for most in reversed(ways) if number % 2 else ways:
            # All windows are read as they are without a document: of the bare text.
            context = text if most is None else document
            runs[str(most or "all")].append(read(qa, context, question, most))
        print(f"question {number}: {runs['all'][-1]['seconds']:.1f} s", file=sys.stderr)
    return {"runs": runs, "prepared": prepared, "passages": len(document.passages)}


def opened(settings: dict[str, Any]) -> tuple[ed.QuestionAnswering, ed.Embedding]:
    """Open both models."""
    options = {"variant": settings["variant"], "threads": settings["threads"]}
    return (
        ed.QuestionAnswering.load(settings["qa"], **options),
        ed.Embedding.load_for_bulk(settings["embedding"], **options),
    )


def read(qa: ed.QuestionAnswering, context: str, question: str, most: int | None) -> dict[str, Any]:
    """Ask one question; say what was answered, where, in what time, and what was read for it."""
    started = time.perf_counter()
    found = qa(question, context, preselect=most)
    seconds = time.perf_counter() - started
    settings = qa._settings(preselect=most)
    windows = windows_to_read(qa.encoder.tokenizer, question, context, settings)
    places = [span(window, CONTEXT) for window in windows]
    return {
        "text": found.text,
        "place": [found.start, found.end],
        "seconds": seconds,
        "windows": len(places),
        "read": places,
    }


def weigh(settings: dict[str, Any], text: str) -> dict[str, Any]:
    """Return what one question takes above the models, which have read a short text."""
    question, most = settings["memory"]
    call: Callable[[str], Any]
    if most is None:
        qa = ed.QuestionAnswering.load(
            settings["qa"], variant=settings["variant"], threads=settings["threads"]
        )

        def call(context: str) -> Any:
            return qa(question, context)
    else:
        both = opened(settings)

        def call(context: str) -> Any:
            return both[0](question, ed.Document(context, both[1]), preselect=most)

    call(text[:SHORT])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident() or 0
    call(text)
    return {"megabytes": ((peak() or 0) - before) / 1e6}


def main() -> None:
    settings = json.loads(sys.argv[1])
    text = Path(settings["document"]).read_text(encoding="utf-8")
    print(json.dumps((weigh if "memory" in settings else ask)(settings, text)))


if __name__ == "__main__":
    main()
