"""Run commands in children of a warmed process: an import of torch takes longer than a kill.

As a script it is that process: it imports once what commands import, then forks for each request,
a line of JSON on stdin, and answers with a line on stdout. `Server` is the tests' side.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

_GROUP_ENDS = 20.0  # seconds that what a command started may outlive it


class Ended(NamedTuple):
    """How a command ended.

    Attributes:
        status: Its exit status; negative, the signal that ended it.
        operations: Its file operations, where it came to its end.
        said: What it wrote to stdout and stderr.
    """

    status: int
    operations: list[str]
    said: str


class Server:
    """The process that forks for each command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, command: Sequence[str], folder: Path, *, kill_at: int | None = None) -> Ended:
        """Run ``edge-distil`` with these arguments, or a function.

        Args:
            command: The arguments; or ``module:function`` and its arguments.
            folder: Working directory, whose file operations count; ``tmp`` in it, where there
                is one, is the directory of temporary files.
            kill_at: See `Operations`.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"command": list(command), "folder": str(folder), "kill_at": kill_at}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return Ended(**json.loads(self._process.stdout.readline()))


@contextmanager
def serve(modules: Sequence[str]) -> Iterator[Server]:
    """Start a server that has imported `modules`, and end it after the block."""
    command = [sys.executable, "-W", "ignore", __file__, *modules]
    # One thread: what is forked has one.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()


def _main() -> None:
    for name in ("edge_distil_apps.cli.ending.ends", *sys.argv[1:]):
        import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Fork, wait for the child and for all that it started."""
    with os.fdopen(os.memfd_create("said"), "w+") as said:
        with os.fdopen(os.memfd_create("seen"), "w+") as seen:
            child = os.fork()
            if child == 0:
                _live(request, said, seen)
            _, status = os.waitpid(child, 0)
            _wait_for_group(child)
            seen.seek(0)
            operations = json.loads(seen.read() or "[]")
        said.seek(0)
        text = said.read()
    code = os.waitstatus_to_exitcode(status)
    return {"status": code, "operations": operations, "said": text}


def _live(request: dict[str, Any], said: IO[str], seen: IO[str]) -> None:
    """Be the command, and never return."""
    from kill_operations import Operations

    os.setpgid(0, 0)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for descriptor in (1, 2):
        os.dup2(said.fileno(), descriptor)
    os.chdir(request["folder"])
    _use_temporary(Path("tmp").absolute())
    operations = Operations(Path(request["folder"]), request["kill_at"])
    code = _run(request["command"], operations)
    print(json.dumps(operations.seen), file=seen, flush=True)
    os._exit(code)


def _use_temporary(folder: Path) -> None:
    import tempfile

    if folder.is_dir():
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = str(folder)  # chosen, or Python would try it out with a file of its own


def _run(command: list[str], operations: Any) -> int:
    run = _find(command)
    operations.watch()
    code: Any = 0
    try:
        run()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if isinstance(code, str):  # as Python ends with `sys.exit("...")`
        print(code, file=sys.stderr, flush=True)
    return code if isinstance(code, int) else int(code is not None)


def _find(command: list[str]) -> Callable[[], Any]:
    from edge_distil.errors import EdgeDistilError
    from edge_distil_apps.cli import main

    if ":" not in command[0]:
        sys.argv = ["edge-distil", *command]
        return main
    module, name = command[0].split(":")

    def call() -> None:
        try:
            getattr(import_module(module), name)(*command[1:])
        except EdgeDistilError as error:
            sys.exit(f"error: {error}")

    return call


def _wait_for_group(group: int) -> None:
    """Wait until all that the command started has ended, as it does when its pipes close."""
    deadline = time.monotonic() + _GROUP_ENDS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _main()
