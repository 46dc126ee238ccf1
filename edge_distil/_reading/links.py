"""Files of a bundle are in the bundle: a link may not lead a reader to another place.

A link to ``/etc/passwd`` would be read and spoken of in an error, one to ``/proc/kmsg`` would never
end. The hub's cache is made of links, from ``snapshots/REVISION`` to the ``blobs`` beside it. A
checkpoint that its user keeps as a directory of links, and exports, is not a stranger's.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_distil.errors import BundleCorrupt, reason

_SNAPSHOTS, _BLOBS = "snapshots", "blobs"
_trusted: Counter[Path] = Counter()  # of the process: a checkpoint is read by several threads


@contextmanager
def trusted(root: Path) -> Iterator[None]:
    """Let the links in a directory of the user's own lead anywhere, as long as it is read."""
    root = Path(os.path.expanduser(root)).resolve()  # ~nobody stays as it is
    _trusted[root] += 1
    try:
        yield
    finally:
        _trusted[root] -= 1


def check_inside(root: Path, path: Path) -> None:
    """Check that `path`, its links followed, is inside `root`, or a blob of the same hub cache.

    A `root` that is or lies within a `trusted` one may have links that lead out.

    Raises:
        BundleCorrupt: It is not, or its links go round in a circle.
    """
    # as the checkpoint names it: a folder in it may be a link itself
    if any(_trusted[folder] for folder in (root.absolute(), *root.absolute().parents)):
        return
    try:
        real, allowed = path.resolve(), _allowed(root.resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise BundleCorrupt(
            f"{path} cannot be followed to a file ({reason(error)}): copy or export the bundle "
            "again"
        ) from error
    if not any(real.is_relative_to(place) for place in allowed):
        raise BundleCorrupt(
            f"{path} is a link that leads out of the bundle, expected a file in it: get the bundle "
            "from a source that you trust, or copy it with its links followed (cp -rL)"
        )


def _allowed(root: Path) -> list[Path]:
    """Return `root` and, of a snapshot or a folder in it, the blobs that its links lead to."""
    above = [folder.parent for folder in (root, *root.parents) if folder.parent.name == _SNAPSHOTS]
    return [root, *(snapshots.parent / _BLOBS for snapshots in above[:1])]
