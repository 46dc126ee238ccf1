"""How many tokens should a batch hold? Texts a second and peak memory by `batching.TOKEN_BUDGET`.

    .venv/bin/python bench/tables/embedding/token_budget.py --data DATA [--rounds 3] [--threads 2]
        [--json FILE] [--work DIR]

all-MiniLM-L6-v2, fp32 and int8, opened by `load_for_bulk`; SQuAD dev's paragraphs and questions
mixed, and STS-B dev's sentences. Each figure is from a fresh process that has embedded a few texts
before; budgets take turns. Rates are shown over that of the budget in use, round by round: median.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_distil.batching import TOKEN_BUDGET
from tables.embedding.clients import PRECISIONS, make_bundle, mixed, sentences
from tables.shared.figures import add_data, machine, markdown, parser, publish

BUDGETS = (64, 128, 256, 512, 1024, 2048)
CORPORA = {"mixed": mixed, "sentences": sentences}
CHILD = """
import json, sys, time
from edge_distil import Embedding, batching
from edge_distil_bench.costs.memory import peak
bundle, variant, threads, budget, texts = sys.argv[1:]
batching.TOKEN_BUDGET = int(budget)
task = Embedding.load_for_bulk(bundle, variant=variant, threads=int(threads))
rows = json.load(open(texts, encoding="utf-8"))
task.encode(rows[:4])
started = time.perf_counter()
task.encode(rows)
seconds = time.perf_counter() - started
print(json.dumps({"rate": len(rows) / seconds, "megabytes": peak() / 1e6}))
"""

Key = tuple[str, str, int]  # corpus, precision, budget


def run(bundle: Path, key: Key, texts: Path, threads: int) -> dict[str, float]:
    """Embed a corpus in a fresh process."""
    _, variant, budget = key
    command = [sys.executable, "-P", "-c", CHILD, bundle, variant, threads, budget, texts]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    print(f"{key}: {found}", file=sys.stderr)
    return found


def row(budget: int, runs: Mapping[Key, list[dict[str, float]]]) -> list[str]:
    cells = []
    for corpus in CORPORA:
        for variant in PRECISIONS:
            own, used = runs[corpus, variant, budget], runs[corpus, variant, TOKEN_BUDGET]
            ratios = [a["rate"] / b["rate"] for a, b in zip(own, used, strict=True)]
            peak = max(one["megabytes"] for one in own)
            cells.append(f"{statistics.median(ratios):.2f}, {peak:.0f} MB")
    return [str(budget), *cells]


def main() -> None:
    options = parser(__doc__)
    add_data(options)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--threads", type=int, default=2)
    arguments = options.parse_args()
    runs: dict[Key, list[Any]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        bundle = make_bundle(arguments.work or Path(temporary))
        for corpus, read in CORPORA.items():
            file = Path(temporary, f"{corpus}.json")
            file.write_text(json.dumps(read(arguments.data)), encoding="utf-8")
            for _ in range(arguments.rounds):
                for variant in PRECISIONS:
                    for budget in BUDGETS:
                        key = corpus, variant, budget
                        runs.setdefault(key, []).append(run(bundle, key, file, arguments.threads))
    columns = ["tokens", *(f"{corpus}, {variant}" for corpus in CORPORA for variant in PRECISIONS)]
    figures = {" ".join(map(str, key)): own for key, own in runs.items()}
    table = markdown(columns, [row(budget, runs) for budget in BUDGETS])
    publish(f"{machine()}; {arguments.threads} threads", table, figures, arguments.json)


if __name__ == "__main__":
    main()
