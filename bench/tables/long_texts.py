"""What do texts of 1, 10 and 100 MB cost? Seconds and memory above the opened model's, by task.

    .venv/bin/python bench/tables/long_texts.py [--megabytes 1 10 100] [--bundles FOLDER]
        [--json FILE]

The bundles are by default the tiny ones of tests/golden, whose model takes next to no time: what is
seen is the tokenizer and our own work. Each figure is from a fresh process that has read a short
text before. A text of prose is repeated; for tasks that cut their texts the same text cut by hand
to 4,000 characters is beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from figures import machine, markdown, parser, publish

TINY = Path(__file__).parents[2] / "tests" / "golden" / "tiny"
TASKS = ("question_answering", "token_classification", "text_classification", "embedding")
WINDOWED = TASKS[:2]
BY_HAND = 4_000  # characters; more than any of these models reads
CHILD = """
import json, resource, sys, time
import edge_distil
folder, characters = sys.argv[1], int(sys.argv[2])
prose = "The keeper of the old light lives in London; Ada was in Paris, at the river. "
text = (prose * (characters // len(prose) + 1))[:characters]
task = edge_distil.load(folder, threads=1)
call = {
    "question-answering": lambda text: task("Who lives in London?", text),
    "sentence-similarity": lambda text: task.encode(text),
}.get(task.bundle.manifest.task, task)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
call(text[:4000])
before = peak()
started = time.perf_counter()
call(text)
print(json.dumps({"seconds": time.perf_counter() - started, "megabytes": peak() - before}))
"""


def run(bundle: Path, characters: int) -> dict[str, float]:
    """Read a text of so many characters in a fresh process."""
    command = [sys.executable, "-P", "-c", CHILD, str(bundle), str(characters)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    print(f"{bundle.name}, {characters:,} characters: {found}", file=sys.stderr)
    return found


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("--megabytes", type=int, nargs="+", default=[1, 10, 100])
    arguments.add_argument("--bundles", type=Path, default=TINY)
    given = arguments.parse_args()
    rows, runs = [], {}
    for name in TASKS:
        sizes = [size * 1_000_000 for size in given.megabytes]
        for characters in sizes if name in WINDOWED else [BY_HAND, *sizes]:
            found = runs[f"{name} {characters}"] = run(given.bundles / name, characters)
            cells = (f"{found['seconds']:.3f}", f"{found['megabytes']:.0f}")
            rows.append([name, f"{characters / 1e6:g}", *cells])
    header = ["task", "text, MB", "seconds", "MB above the model's"]
    publish(machine(), markdown(header, rows), runs, given.json)


if __name__ == "__main__":
    main()
