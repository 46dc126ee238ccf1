"""Stream texts through one embedding model and print its memory on the way, as JSON.

Usage: python stream_worker.py BUNDLE VARIANT THREADS OPENED TEXTS.json SHARE MARK [MARK ...]

OPENED is ``load`` or ``load_for_bulk``. TEXTS.json holds ``{"short": [...], "long": [...]}``; SHARE
of the texts of the endless stream are long ones, and each has a number before it, so that no two
are equal. Prints ``[{"texts", "peak", "resident", "seconds"}, ...]``: bytes once loaded and when so
many texts (MARK) are embedded.
"""

import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

from edge_distil.tasks import Embedding
from edge_distil_bench.costs.memory import peak, resident

_SEED = 2018


def endless(texts: dict[str, list[str]], share: float) -> Iterator[str]:
    """Yield texts for ever."""
    draw = random.Random(_SEED)
    for number in count():
        kind = "long" if draw.random() < share else "short"
        yield f"{number} {draw.choice(texts[kind])}"


def main(
    bundle: str, variant: str, threads: str, opened: str, texts: str, share: str, *marks: str
) -> None:
    """Embed as many texts as the last mark says."""
    task = getattr(Embedding, opened)(bundle, variant=variant, threads=int(threads))
    rows = json.loads(Path(texts).read_text(encoding="utf-8"))
    left = sorted(map(int, marks))
    started, done = time.perf_counter(), 0
    seen = [_figures(0, started)]
    for block in task.stream(islice(endless(rows, float(share)), left[-1])):
        done += len(block)
        if done >= left[0]:
            seen.append(_figures(done, started))
            left = [mark for mark in left if mark > done]
    print(json.dumps(seen))


def _figures(texts: int, started: float) -> dict[str, Any]:
    seconds = time.perf_counter() - started
    return {"texts": texts, "peak": peak(), "resident": resident(), "seconds": seconds}


if __name__ == "__main__":
    main(*sys.argv[1:])
