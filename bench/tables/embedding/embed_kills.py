"""Does `edge-distil embed` lose or change anything when it is killed? And how much memory it takes.

    .venv/bin/python bench/tables/embedding/embed_kills.py --bundle minilm [--variant int8]
        [--texts 100000] [--kills 20] [--output vectors.npy] [--seed 2018] [--json FILE]

Short made-up sentences are embedded once without interruption. Then the same command runs again
into another file and is killed (SIGKILL) at a random moment and started again, 20 times: the
moments are spread over the time that the uninterrupted run took. Shown are how much each start
found done, the peak memory of every process, and whether the two outputs are the same bytes.
"""

from __future__ import annotations

import filecmp
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from edge_distil._machine.interpreter import python
from tables.shared.figures import machine, markdown, parser, publish

WORDS = (
    "the ship sat on a cold harbour while keepers lit lamps and read old books about storms "
    "whales and distant islands"
).split()
LENGTHS = (3, 9)  # words a text


class Life(NamedTuple):
    """One process from start to end: seconds, texts it found done, peak memory, how it ended."""

    seconds: float
    found: int
    peak_mb: float
    killed: bool


def write_texts(path: Path, count: int, seed: int) -> None:
    generator = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            words = generator.choices(WORDS, k=generator.randint(*LENGTHS))
            file.write(f"{' '.join(words)} {number}\n")


def live(command: list[str], seconds: float | None) -> Life:
    """Run a command and kill it after so many seconds, unless it has ended by then.

    Raises:
        SystemExit: It failed by itself.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        if seconds is not None:
            timer = threading.Timer(seconds, process.kill)
            timer.start()
        _, status, usage = os.wait4(process.pid, 0)  # which alone gives the memory
        if seconds is not None:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        lived = time.monotonic() - started
        said.seek(0)
        text = said.read()
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"{' '.join(command)} failed: {text}")
    found = re.search(r"going on: ([\d,]+)", text)
    done = int(found[1].replace(",", "")) if found else 0
    return Life(lived, done, usage.ru_maxrss * 1024 / 1e6, process.returncode != 0)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--bundle", type=Path, required=True)
    options.add_argument("--variant", default="int8")
    options.add_argument("--texts", type=int, default=100_000)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--output", default="vectors.npy", help="a name; its ending is the form")
    options.add_argument("--seed", type=int, default=2018)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.work or Path(temporary)
        whole, output = folder / f"whole-{arguments.output}", folder / arguments.output
        texts = folder / "texts.txt"
        write_texts(texts, arguments.texts, arguments.seed)
        command = [*python("-m", "edge_distil_apps.cli", "embed", arguments.bundle)]
        command += [str(texts), "--variant", arguments.variant, "-o"]
        reference = live([*command, str(whole)], None)
        generator = random.Random(arguments.seed)
        lives = die([*command, str(output)], output, reference.seconds, arguments.kills, generator)
        same = filecmp.cmp(whole, output, shallow=False)
        hidden = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    figures = {
        "texts": arguments.texts,
        "texts_per_second": arguments.texts / reference.seconds,
        "kills": sum(life.killed for life in lives),
        "same_bytes": same,
        "left_behind": hidden,
        "peak_mb": max(life.peak_mb for life in (reference, *lives)),
        "lives": [life._asdict() for life in (reference, *lives)],
    }
    failed = {} if same else {"resuming": "the outputs differ"}
    publish(machine(), _table(reference, lives, figures), figures, arguments.json, failed)


def die(
    command: list[str], output: Path, seconds: float, kills: int, generator: random.Random
) -> list[Life]:
    """Kill a job so many times, then let it end; earlier where it is done earlier.

    Args:
        command: The job.
        output: What it writes.
        seconds: What it takes when it is not killed.
        kills: How often it is killed.
        generator: Of the moments: on the average a kill's share of the time after a start.
    """
    parts = output.with_name(f".{output.name}.parts")
    lives: list[Life] = []
    while parts.exists() or not output.exists():
        moment = generator.uniform(0, 2 * seconds / kills) if len(lives) < kills else None
        lives.append(live(command, moment))
    return lives


def _table(reference: Life, lives: list[Life], figures: dict[str, Any]) -> str:
    named = [("not killed", reference), *((f"{n}", life) for n, life in enumerate(lives, 1))]
    rows = [
        [name, f"{life.found:,}", f"{life.seconds:.1f}", f"{life.peak_mb:.0f}"]
        for name, life in named
    ]
    table = markdown(["process", "texts found done", "seconds lived", "peak MB"], rows)
    verdict = "the same bytes" if figures["same_bytes"] else "OTHER BYTES"
    peak, rate = (
        f"at most {figures['peak_mb']:.0f} MB",
        f"{figures['texts_per_second']:.0f} texts/s",
    )
    return f"{table}\n\n{figures['kills']} kills, {verdict}; {rate}, {peak}"


if __name__ == "__main__":
    main()
