"""The command ``edge-distil``.

stdout carries results alone (with ``--json`` one JSON document); progress, warnings and errors
go to stderr. Exit status: 0 done, 1 failed with one clear line, 2 wrong usage, 130 interrupted.
"""

import signal
import sys


def main() -> None:
    """Run the command line."""
    # While the verbs are imported, some tenths of a second, there is nothing to end well: Ctrl-C
    # then ends the process at once, as it does any program that pays no heed to it.
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # not where a shell has it ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from edge_distil_apps.cli.ends import run
    except MemoryError:
        sys.exit("error: there is not the memory to start: raise the limit (ulimit -v)")
    signal.signal(signal.SIGINT, handler)
    run()
