"""``edge-distil serve`` as its users start it, for a browser to visit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_distil._machine.interpreter import python


@dataclass
class Site:
    """A running server of the page."""

    address: str
    token: str | None
    process: subprocess.Popen[str]

    def stop(self) -> str:
        """End it as Ctrl-C does, and return what it said on stderr."""
        import signal

        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)[1]


@contextmanager
def site(*bundles: Path, measurements: Path | None = None, port: int = 0) -> Iterator[Site]:
    """Serve bundles, as long as the block runs."""
    wanted = ["--measurements", str(measurements)] if measurements else []
    command = python(
        "-m", "edge_distil_apps.cli", "serve", *bundles, "--port", str(port), "--json", *wanted
    )
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    try:
        assert process.stdout is not None
        said = _document(process)
        yield Site(said["page"].partition("#")[0], said["token"], process)
    finally:
        process.kill()
        process.wait(timeout=30)
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _document(process: subprocess.Popen[str]) -> dict[str, str]:
    """Read the JSON document that comes before the serving."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("}"):
            found: dict[str, str] = json.loads("".join(lines))
            return found
    assert process.stderr is not None
    sys.exit(f"the server did not start: {process.stderr.read()}")
