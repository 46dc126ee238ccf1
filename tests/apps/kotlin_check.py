"""The Kotlin code of apps/android that runs without Android, compiled and asked line by line."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

ANDROID = Path(__file__).parents[2] / "apps" / "android"
MAIN = ANDROID / "edge-distil" / "src" / "main"
COMPILER = shutil.which("kotlinc")
ABSENT = "kotlinc is missing: apt-get install kotlin"


@dataclass(frozen=True)
class Kotlin:
    """The compiled program."""

    jar: Path

    def ask(self, what: str, path: Path, lines: Iterable[Any]) -> list[Any]:
        """Return its answer to each line; see `check/Check.kt`."""
        path_of_classes = f"{self.jar}:{MAIN / 'resources'}"
        command = ["java", "-cp", path_of_classes, "edge.distil.check.CheckKt", what, str(path)]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        run = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr[-4000:]
        return [json.loads(line) for line in run.stdout.splitlines()]


def compiled(folder: Path) -> Kotlin:
    """Compile everything that imports nothing of Android's."""
    assert COMPILER, ABSENT
    jar = folder / "check.jar"
    every = sorted(MAIN.rglob("*.kt"))
    sources = [path for path in every if "ai.onnxruntime" not in path.read_text("utf-8")]
    check = ANDROID / "check" / "Check.kt"
    command = [COMPILER, *map(str, sources), str(check), "-include-runtime", "-d", str(jar)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return Kotlin(jar)


def expected(
    tokenizer: Tokenizer, rows: list[tuple[str, str | None]], maximum: int | None
) -> list[Any]:
    """Return what the library makes of texts and pairs, as the program writes it."""
    if maximum is not None:
        tokenizer.enable_truncation(maximum)
    made = tokenizer.encode_batch([row[0] if row[1] is None else row for row in rows])
    tokenizer.no_truncation()
    return [[e.ids, [list(o) for o in e.offsets], e.word_ids, e.type_ids] for e in made]
