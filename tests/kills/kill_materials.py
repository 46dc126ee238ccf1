"""What the cases start from, made once: checkpoints, and bundles of them."""

from __future__ import annotations

from pathlib import Path

import kill_bundles
import kill_measuring
from kill_server import Server


def make_materials(server: Server, folder: Path) -> None:
    """Fill a directory that `Case.prepare` copies from."""
    kill_bundles.make_materials(folder)
    kill_measuring.make_materials(folder)
    for name in ("old", "new"):
        ended = server.run(["export", name, "-o", f"{name}-bundle", "--int8"], folder)
        assert ended.status == 0, ended.said
