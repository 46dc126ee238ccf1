"""The command ``edge-distil``.

stdout carries results alone (with ``--json`` one JSON document); progress, warnings and errors
go to stderr. Exit status: 0 done, 1 failed with one clear line, 2 wrong usage, 130 interrupted.
"""

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line."""
    # Before the verbs are imported, and once they are done, there is nothing to end well: Ctrl-C
    # then ends the process at once, as it does any program that pays no heed to it. In between
    # `ends` takes heed. Before this line, some 20 ms of Python's own start, it shows a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a shell may have it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from edge_distil_apps.cli.ending.ends import run
    except MemoryError:
        sys.exit("error: there is not the memory to start: raise the limit (ulimit -v)")
    run()
