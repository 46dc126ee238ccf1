"""What do texts of 1, 10 and 100 MB cost? Seconds and memory above model and text, by task.

    .venv/bin/python bench/tables/embedding/long_texts.py [--megabytes 1 10 100]
        [--tasks TASK ...] [--bundles FOLDER] [--json FILE]

The bundles are by default the tiny ones of tests/golden, whose model takes next to no time: what is
seen is the tokenizer and our own work. Each figure is from a fresh process that has read a short
text before and holds the long one. A text of prose is repeated; for tasks that cut their texts the
same text cut by hand to 4,000 characters is beside it. Beside the seconds are those of the
processor, one thread, which other processes disturb less.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tables.shared.figures import machine, markdown, parser, publish
from tables.shared.places import REPOSITORY

TINY = REPOSITORY / "tests" / "golden" / "tiny"
TASKS = ("question_answering", "token_classification", "text_classification", "embedding")
WINDOWED = TASKS[:2]
BY_HAND = 4_000  # characters; more than any of these models reads
CHILD = """
import json, sys, time
from pathlib import Path
import edge_distil
from edge_distil_bench.costs.memory import peak, resident
folder, characters = sys.argv[1], int(sys.argv[2])
prose = "The keeper of the old light lives in London; Ada was in Paris, at the river. "
text = prose * (characters // len(prose))
task = edge_distil.load(folder, threads=1)
call = {
    "question-answering": lambda text: task("Who lives in London?", text),
    "sentence-similarity": lambda text: task.encode(text),
}.get(task.bundle.manifest.task, task)
call(text[:4000])
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = resident()
started, worked = time.perf_counter(), time.process_time()
call(text)
print(json.dumps({
    "seconds": time.perf_counter() - started,
    "cpu_seconds": time.process_time() - worked,
    "megabytes": (peak() - before) / 1e6,
}))
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
    arguments.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    arguments.add_argument("--bundles", type=Path, default=TINY)
    given = arguments.parse_args()
    rows, runs = [], {}
    for name in given.tasks:
        sizes = [size * 1_000_000 for size in given.megabytes]
        for characters in sizes if name in WINDOWED else [BY_HAND, *sizes]:
            found = runs[f"{name} {characters}"] = run(given.bundles / name, characters)
            cells = [f"{found[key]:.3f}" for key in ("seconds", "cpu_seconds")]
            rows.append([name, f"{characters / 1e6:g}", *cells, f"{found['megabytes']:.0f}"])
    header = ["task", "text, MB", "seconds", "processor's", "MB above model and text"]
    publish(machine(), markdown(header, rows), runs, given.json)


if __name__ == "__main__":
    main()
