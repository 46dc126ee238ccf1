"""Bundles of strangers, opened in a process that may fail before they are opened in this one.

A small file can ask for more than a machine has: a tokenizer that makes 100 letters of each, a
graph that loops 2^62 times. Such a file cannot be told from a good one by reading it, so a child
process with limits of time and memory opens the bundle and runs some texts through it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge_distil import errors
from edge_distil._machine.interpreter import python
from edge_distil.errors import BundleCorrupt, EdgeDistilError, SessionError

SECONDS = 30.0  # for the whole child: a good model takes two, on a busy machine ten
_PER_BYTE = 20e-9  # seconds more for each byte of the bundle: half a hard disk's speed
_MEMORY = 1 << 30  # bytes of data, beside
_TIMES = 6  # the files' size: a model is held twice or three times while it is prepared
# What tokenizers are known to trip over: long words, alike or not, digits, blanks, other scripts.
PROBES = (
    "The quick brown fox jumps over the lazy dog, twice: 12,345.67!",
    "one two three four five " * 500,  # longer than most models take: what is cut off is kept too
    "a" * 300,
    "ab" * 150 + "A",
    "0" * 300,
    " " * 300,
    "語" * 100 + "😀" * 20 + "é" * 20,
)
_LARGEST = 8 << 30  # bytes of a bundle
_BLOCK = 512  # bytes, whatever the file system's own
_BOOT = "from edge_distil._reading.untrusted import main; main()"


def check(
    path: Path, variant: str | None = None, *, engine: str | None = None, run: bool = True
) -> None:
    """Open a bundle in a child process with limits.

    Memory is limited where the system can do that: Linux; on macOS and Windows time alone is.

    Args:
        path: The bundle.
        variant: The variant; by default that which `edge_distil.load` takes.
        engine: What shall run it; see `edge_distil.load`.
        run: Run texts through it; else its manifest and files are looked at alone.

    Raises:
        EdgeDistilError: What opening it raised there.
        BundleCorrupt: It took more than its limits, or the process ended.
    """
    size = _size(path)
    seconds = SECONDS + _PER_BYTE * size
    wanted = {"path": str(path), "variant": variant, "engine": engine, "run": run}
    limits = {"seconds": round(seconds), "memory": _MEMORY + _TIMES * size}
    try:
        done = subprocess.run(
            python("-c", _BOOT),
            input=json.dumps({**wanted, **limits}),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _refused(path, f"took more than {seconds:.0f} s") from error
    except OSError as error:
        raise SessionError(
            f"cannot start {sys.executable or 'Python'} for {path} ({error.strerror}): "
            "check that processes may be started"
        ) from error
    _judge(path, done)


def main() -> None:
    """Be the child: read what is wanted from stdin, and write what is wrong to stdout."""
    wanted = json.loads(sys.stdin.read())
    _limit(wanted["seconds"], wanted["memory"])
    said: dict[str, Any] = {}
    try:
        _open(Path(wanted["path"]), wanted["variant"], wanted["engine"], run=wanted["run"])
    except EdgeDistilError as error:
        said = {"error": type(error).__name__, "message": str(error)}
    except MemoryError:
        said = {
            "error": BundleCorrupt.__name__,
            "message": f"{wanted['path']} takes too much memory",
        }
    print(json.dumps(said))


def _open(path: Path, variant: str | None, engine: str | None, *, run: bool) -> None:
    from edge_distil.bundle import open_bundle

    if not run:
        open_bundle(path)
        return
    from edge_distil.encoder import open_encoder

    encoder = open_encoder(path, variant=variant, engine=engine, threads=1)
    texts = [*PROBES, *(probe.text for probe in encoder.bundle.manifest.golden)]
    pairs = [(text, text) for text in texts]
    of_two = encoder.bundle.manifest.task in ("multiple-choice", "question-answering")
    for _ in encoder.run(encoder.tokenizer.encode(pairs if of_two else texts), finite=False):
        pass


def _size(path: Path) -> int:
    """Return the bytes that a bundle takes on disk: a file with holes may claim any size."""
    found = [file.stat() for file in path.rglob("*") if file.is_file()]
    claimed = sum(file.st_size for file in found)
    stored = sum(_BLOCK * getattr(file, "st_blocks", 0) for file in found)
    return min(claimed, stored or claimed, _LARGEST)  # not every file system counts blocks


def _limit(seconds: int, memory: int) -> None:
    """Limit this process: memory, processor time in case nobody waits for it, and no files."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, value in (
        (resource.RLIMIT_CPU, 2 * seconds),  # of all threads
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        most = resource.getrlimit(kind)[1]
        least = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (least, most))


def _judge(path: Path, done: subprocess.CompletedProcess[str]) -> None:
    try:
        said = json.loads(done.stdout)
        kind, message = said.get("error"), said.get("message")
    except (ValueError, AttributeError):
        status = (
            f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
        )
        raise _refused(path, f"ended its process ({status}), or took too much memory") from None
    if kind:
        found = getattr(errors, str(kind), BundleCorrupt)
        raise found(str(message))


def _refused(path: Path, what: str) -> BundleCorrupt:
    return BundleCorrupt(
        f"{path} {what} when it was opened on trial, as no usual bundle does: get it from a source "
        "that you trust"
    )
