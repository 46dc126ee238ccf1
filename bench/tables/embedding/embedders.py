"""A process that embeds texts with one library whenever it is asked to, and times itself.

Usage: PYTHONPATH=bench python embedders.py LIBRARY MODEL FILE THREADS BATCH MAX_LENGTH

LIBRARY is a function of libraries.py, MODEL a bundle or checkpoint, FILE the model file in it (for
edge-distil the variant) and BATCH the batch size, 0 for the library's own. Each line on stdin is a
request, each reply a line of JSON:

=========================================  ========================================================
request                                    reply
=========================================  ========================================================
(none: it has started)                     ``{"threads", "batch"}``
``{"encode": TEXTS.json, "vectors": FILE}``  ``{"seconds", "cpu", "megabytes"}``; the vectors go to
                                           FILE as .npy
``{"queries": [text, ...]}``               ``{"seconds": [...], "cpu": [...]}``, one text after the
                                           other
=========================================  ========================================================

Threads are set by the library's own parameter, tokenizers' parallelism is left as each has it.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tables.embedding import libraries
from tables.embedding.libraries import Embedder, Settings

# onnxruntime's threads go on spinning after a run (seen: 40 ms) and would take a core from the
# process that is asked next.
_SPIN_SECONDS = 0.06


def encode(embedder: Embedder, texts: str, vectors: str) -> dict[str, float]:
    """Embed a file of texts; only the call itself is timed."""
    rows = json.loads(Path(texts).read_text(encoding="utf-8"))
    started, cpu = time.perf_counter(), time.process_time()
    found = embedder.several(rows)
    seconds, used = time.perf_counter() - started, time.process_time() - cpu
    np.save(vectors, found)
    return {"seconds": seconds, "cpu": used, "megabytes": _peak()}


def queries(embedder: Embedder, texts: list[str]) -> dict[str, list[float]]:
    """Embed texts one by one."""
    seconds, used = [], []
    for text in texts:
        started, cpu = time.perf_counter(), time.process_time()
        embedder.one(text)
        seconds.append(time.perf_counter() - started)
        used.append(time.process_time() - cpu)
    time.sleep(_SPIN_SECONDS)
    return {"seconds": seconds, "cpu": used}


def _peak() -> float:
    """Return the most megabytes that were resident; ``ru_maxrss`` may begin at the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


def main(library: str, model: str, file: str, threads: str, batch: str, max_length: str) -> None:
    """Answer until stdin ends; what libraries print goes to stderr."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    settings = Settings(model, file, int(threads), int(batch), int(max_length))
    embedder: Embedder = getattr(libraries, library)(settings)
    print(json.dumps({"threads": settings.threads, "batch": settings.batch}), file=replies)
    replies.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if "encode" in request:
            reply: Any = encode(embedder, request["encode"], request["vectors"])
        else:
            reply = queries(embedder, request["queries"])
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
