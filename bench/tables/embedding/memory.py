"""Peak memory of an endless stream of texts: ``Embedding.stream`` on all-MiniLM-L6-v2.

    .venv/bin/python bench/tables/embedding/memory.py --data DATA [--texts 100000] [--share 0.05]
        [--threads 2] [--quick] [--json FILE] [--work DIR]

STS-B dev's sentences and, as so large a share, SQuAD dev's paragraphs (cut at 256 tokens), drawn
with a seed, come from a generator; vectors are dropped block by block. Each row is a fresh
process. Shown is the peak of what was resident (MB, 10^6 bytes) once the model was loaded, and
when 1 %, 10 % and all of the texts were embedded: to stay flat it must not grow any more.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tables.embedding.clients import PRECISIONS, make_bundle, paragraphs, sentences
from tables.shared.figures import add_data, machine, markdown, parser, publish
from tables.shared.places import TABLES

OPENED = ("load_for_bulk", "load")
QUICK = 3000  # texts


def measure(
    bundle: Path, variant: str, opened: str, texts: Path, arguments: Any
) -> list[dict[str, Any]]:
    """Stream in a fresh process; see stream_worker.py for what it returns."""
    count = QUICK if arguments.quick else arguments.texts
    command = [
        sys.executable,
        TABLES / "embedding" / "stream_worker.py",
        bundle,
        variant,
        arguments.threads,
    ]
    command += [opened, texts, arguments.share, count // 100, count // 10, count]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    print(f"{variant}, {opened}: {found}", file=sys.stderr)
    return found


def row(name: str, seen: Sequence[Mapping[str, Any]]) -> list[str]:
    loaded, *marks = seen
    last = marks[-1]
    return [
        name,
        f"{loaded['peak'] / 1e6:.0f}",
        *(f"{mark['peak'] / 1e6:.0f}" for mark in marks),
        f"{last['resident'] / 1e6:.0f}",
        f"{last['texts'] / last['seconds']:.0f}",
    ]


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--texts", type=int, default=100_000)
    options.add_argument("--share", type=float, default=0.05, help="of paragraphs")
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--quick", action="store_true", help=f"{QUICK} texts")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        bundle = make_bundle(arguments.work or Path(temporary))
        texts = Path(temporary, "texts.json")
        pool = {"short": sentences(arguments.data), "long": paragraphs(arguments.data)}
        texts.write_text(json.dumps(pool), encoding="utf-8")
        found = {
            f"{variant}, {opened}": measure(bundle, variant, opened, texts, arguments)
            for variant in PRECISIONS
            for opened in OPENED
        }
    [marks] = {tuple(mark["texts"] for mark in seen[1:]) for seen in found.values()}
    columns = ["", "peak MB, loaded", *(f"at {mark:,} texts" for mark in marks),
               "resident at the end", "texts/s"]  # fmt: skip
    line = f"{machine()}; {arguments.threads} threads; {arguments.share:.0%} paragraphs"
    rows = [row(name, seen) for name, seen in found.items()]
    publish(line, markdown(columns, rows), found, arguments.json)


if __name__ == "__main__":
    main()
