"""How the command ends: whatever happens, with one true line or in silence, and the right status.

==========================================  ======  ==============================================
end                                         status  says
==========================================  ======  ==============================================
done; or the reader of stdout has enough,   0
as ``| head`` does
an error of ours or of the system, no       1       what, what was expected, what to do
memory, an output that cannot be written
wrong usage, also a variant that is not     2       what is wrong
there
SIGHUP, SIGINT, SIGTERM                     128+n   what is kept
==========================================  ======  ==============================================

With ``--json``, what failed is one JSON document on stdout too, see `failure`.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType

from edge_distil.errors import EdgeDistilError, VariantMissing
from edge_distil_apps.cli import end_early, streams, version
from edge_distil_apps.cli.ending import remains

_FAILED = 1
_WRONG_USAGE = 2
_GO_ON = "is kept; run the same command again to go on"
_NOTHING_YET = "there was nothing to keep yet"
_TO_NOTICE = ("SIGHUP", "SIGINT", "SIGTERM")  # those that the system has
# Beginning of a command line -> what its interruption leaves. The first that fits counts. What the
# same command goes on from is said where it is there, see `remains`.
_LEFT: tuple[tuple[tuple[str, ...], str], ...] = (
    (("export",), "nothing half-written remains"),
    (("quantize",), "variants that were finished are kept, nothing half-written remains"),
    (("distil",), f"what is trained {_GO_ON}"),
    (("embed",), f"what is done {_GO_ON}"),
    (("search", "--build"), f"what is indexed {_GO_ON}"),
    (("study",), f"what was measured {_GO_ON}"),
    (("serve", "--measurements"), "measurements that were sent are kept"),
    (("bench",), f"what was measured {_GO_ON}"),
    ((), "nothing was written"),
)


class _Stopped(KeyboardInterrupt):
    """A signal that asks the process to end. As Ctrl-C does, it passes ``except Exception``."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def run() -> None:
    """Run the command line and end the process.

    Raises:
        SystemExit: Always, with the status.
    """
    command = _command()
    with streams.prepared(), _noticed_signals():
        status = _run(command)
        status = streams.finish(status)
    gc.freeze()  # Python's end looks for cycles several times; the system takes all memory at once
    sys.exit(status)


def _command() -> Callable[[], object]:
    """Return what does what is asked for; typer and rich take a tenth of a second to import."""
    if sys.argv[1:] == [version.FLAG]:
        return version.say
    from edge_distil_apps.cli import console
    from edge_distil_apps.cli.verbs import app

    console.begin()
    remains.forget()
    return partial(app, prog_name="edge-distil")


def _run(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as end:
        # typer makes one of what is not an error of ours; what it was is in its chain.
        if cause := _cause(end):
            return _say(cause)
        from edge_distil_apps.cli.ending import failure

        failure.tell_usage(end.__context__)
        return _status(end)
    except (EdgeDistilError, KeyboardInterrupt, MemoryError, OSError) as error:
        return _say(error)
    return 0


def _status(end: SystemExit) -> int:
    return end.code if isinstance(end.code, int) else int(end.code is not None)


def _cause(error: BaseException | None) -> BaseException | None:
    """Return the interruption, or the pipe without a reader, that an exit came from."""
    while error is not None and not isinstance(error, KeyboardInterrupt | BrokenPipeError):
        error = error.__cause__ or error.__context__
    return error


def _say(error: BaseException | None) -> int:
    """Print the line of an end, where it has one, and return its status."""
    if isinstance(error, BrokenPipeError):
        return 0
    from edge_distil_apps.cli.ending import failure

    if isinstance(error, KeyboardInterrupt):
        number = error.number if isinstance(error, _Stopped) else signal.SIGINT
        failure.tell("Interrupted", _interrupted(number))
        return 128 + number
    failure.tell(type(error).__name__, _line(error), getattr(error, "__notes__", ()))
    if isinstance(error, OSError) and error.filename is None:
        streams.discard(sys.stdout)
    if isinstance(error, VariantMissing):
        return _WRONG_USAGE
    # wrong usage stays that, also where stderr cannot take what is wrong
    return int(getattr(error.__context__, "exit_code", _FAILED)) if error else _FAILED


def _interrupted(number: int) -> str:
    word = "interrupted" if number == signal.SIGINT else "stopped"
    left = next((left for words, left in _LEFT if set(words) <= set(sys.argv[1:])), "")
    if left.endswith(_GO_ON) and not remains.is_any():
        left = _NOTHING_YET
    return f"{word}; {left}" if left else word


def _line(error: BaseException | None) -> str:
    if isinstance(error, EdgeDistilError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            "the memory ran out: free some, raise the limit (ulimit -v), or give less text or a "
            "smaller model at once"
        )
    assert isinstance(error, OSError)
    if error.filename is None:
        return streams.cannot_write(error)
    return f"{error.strerror}: {os.fsdecode(error.filename)}"


@contextmanager
def _noticed_signals() -> Iterator[None]:
    """Let each signal that asks for an end raise `_Stopped`, so that what is half done goes."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)  # one that asks twice has its way at once
        raise _Stopped(number)

    before = {}
    for name in _TO_NOTICE:
        with suppress(AttributeError):  # Windows has no SIGHUP
            number = getattr(signal, name)
            handler = signal.getsignal(number)
            if handler is end_early:  # from here on there is more to say
                handler = signal.SIG_DFL
                signal.signal(number, handler)
            if handler in (signal.SIG_DFL, signal.default_int_handler):  # nohup has it ignored
                before[number] = handler
                signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
