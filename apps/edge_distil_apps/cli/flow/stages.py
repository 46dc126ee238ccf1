"""One bar over all stages of long work, with the time left; in a pipe a line for each stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from edge_distil.progress import Stage
from edge_distil_apps.cli import console

# How the lines of stages begin, in their order, and how long each takes beside the others.
Plan = Sequence[tuple[str, float]]
Say = Callable[[str], None]

# Seconds, for a model of 22 million parameters on two busy cores: what counts is their ratios.
EXPORT: Plan = (
    ("finding", 0.7), ("importing", 3.7), ("loading", 1.4), ("tracing", 2.2), ("translating", 4.1),
    ("comparing with PyTorch", 1.6), ("comparing with the library", 0.7),
)  # fmt: skip
ADOPTED: Plan = (("checking", 3.0), ("copying", 2.0))
CALIBRATION: Plan = (("calibrating", 3.0), ("rounding", 33.0))
RANGES: Plan = (("calibrating", 20.0),)
QUANTIZED: Plan = (("quantizing", 1.0),)
COMPARED: Plan = (("comparing", 1.0),)
ORT: Plan = (("converting", 2.0), ("comparing", 1.0))
FUSED: Plan = (("fusing", 1.0), ("comparing", 1.0))
CORE_ML: Plan = (("loading", 4.0), ("converting", 12.0), ("writing", 20.0))
REPORT: Plan = (("sensitivity", 110.0), ("measuring activations", 20.0))

_WARNING = "warning: "
_EVERY = 30.0  # seconds between two lines on one stage, where no person watches
_EARLY = 0.03  # of the work: until then the time left is a guess
_MOST = 0.95  # of a stage, while it is not known to be over
_WIDEST = 44  # characters of a stage beside the bar


class Pace:
    """How far work is, and how long the rest takes if it goes on as it went.

    Args:
        plan: Its stages.
        now: The time at its start, in seconds.

    >>> pace = Pace([("a", 1), ("b", 3)], now=0)
    >>> pace.enter("a first", now=0)
    >>> pace.enter("b then", now=10)
    >>> pace.share(now=25), pace.left(now=25)
    (0.625, 15.0)
    """

    def __init__(self, plan: Plan, now: float) -> None:
        self._plan = plan
        self._started = self._entered = now
        self._at = -1
        self._counted: float | None = None
        self._total = sum(weight for _, weight in plan)

    def enter(self, line: str, now: float) -> None:
        """Hear of a stage, or how far it is; lines that are not in the plan change nothing."""
        for index in range(max(self._at, 0), len(self._plan)):
            if line.startswith(self._plan[index][0]):
                if index != self._at:
                    self._at, self._entered = index, now
                self._counted = line.done / line.total if isinstance(line, Stage) else None
                return

    def share(self, now: float) -> float:
        """Return the share of the work that is done."""
        if self._at < 0:
            return 0.0
        before = sum(weight for _, weight in self._plan[: self._at])
        weight = self._plan[self._at][1]
        inside = self._counted
        if inside is None:
            pace = (self._entered - self._started) / before if before else 0.0
            inside = min(_MOST, (now - self._entered) / (weight * pace)) if pace else 0.0
        return (before + weight * inside) / self._total

    def left(self, now: float) -> float | None:
        """Return the seconds left; ``None`` where too little is done to tell."""
        share = self.share(now)
        return (now - self._started) * (1 - share) / share if share > _EARLY else None


@contextmanager
def watched(plan: Plan) -> Iterator[Say]:
    """Show how far long work is, on stderr.

    Yields:
        What is to be called with a line at the start of every stage, or with a `Stage`. Warnings
        are shown as they are.
    """
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    pace = Pace(plan, time.monotonic())

    class Left(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(words(pace.left(time.monotonic())))

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), Left())
    with console.live(Progress, *columns) as progress:
        bar = progress.add_task("", total=1.0) if progress else None
        lines = _Lines(pace)

        def say(line: str) -> None:
            if line.startswith(_WARNING):
                console.note(line)
                return
            now = time.monotonic()
            pace.enter(line, now)
            if progress is None or bar is None:
                lines.say(line, now)
            else:
                shown = escape(line[:_WIDEST])
                progress.update(bar, description=shown, completed=pace.share(now))

        yield say


class _Lines:
    """Lines for a pipe: one a stage, and now and then how far a long one is."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._name = ""
        self._said = 0.0

    def say(self, line: str, now: float) -> None:
        name = line.name if isinstance(line, Stage) else line
        if name == self._name and now - self._said < _EVERY:
            return
        left = words(self._pace.left(now))
        self._name, self._said = name, now
        console.note(f"{line} ({left})" if isinstance(line, Stage) and left else line)


def words(seconds: float | None) -> str:
    """Say how long is left, if that is known."""
    return "" if seconds is None else f"{about(seconds)} left"


def about(seconds: float) -> str:
    """Write seconds as a person says them.

    >>> about(12.2), about(300)
    ('about 12 s', 'about 5 min')
    """
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
