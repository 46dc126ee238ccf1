"""The command ``edge-distil``.

stdout carries results alone (with ``--json`` one JSON document); progress, warnings and errors
go to stderr. Exit status: 0 done, 1 failed with one clear line, 2 wrong usage, 130 interrupted.
"""

import os
import signal
import sys
from types import FrameType

__all__ = ["main"]


_INTERRUPTED = (
    b'{"error": {"type": "Interrupted", "message": "interrupted; nothing was begun", '
    b'"remedy": null}}\n'
)


def end_early(number: int, frame: FrameType | None) -> None:
    """End the process as Ctrl-C does by itself, with the one JSON document before."""
    try:
        os.write(1, _INTERRUPTED)
    finally:
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def main() -> None:
    """Run the command line."""
    # Before the verbs are imported, and once they are done, there is nothing to end well: Ctrl-C
    # then ends the process at once, as it does any program that pays no heed to it. In between
    # `ends` takes heed. Before this line, some 20 ms of Python's own start, it shows a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell may have it ignored
        signal.signal(signal.SIGINT, end_early if "--json" in sys.argv else signal.SIG_DFL)
    try:
        from edge_distil_apps.cli.ending.ends import run
    except MemoryError:
        sys.exit("error: there is not the memory to start: raise the limit (ulimit -v)")
    run()
