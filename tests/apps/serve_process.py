"""A server in a process of its own, and requests as they are: no client library mends them."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

TOKEN = "a-token"
_SCRIPT = """
import sys
from pathlib import Path
from edge_distil_apps.serve import address, collect, running
from edge_distil_apps.serve.uploads import Uploads
page, folder, *bundles = map(Path, sys.argv[1:])
contents = collect(bundles, page, uploads=True)
listening = address.listen("127.0.0.1", 0)
print(listening.getsockname()[1], flush=True)
running.run(contents, listening, Uploads(folder, "a-token", print))
"""


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    folder: Path

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[HTTPResponse, bytes]:
        """Send a request as it is, and return the response with its body."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(
                method, path, skip_host="host" in named, skip_accept_encoding=True
            )
            if body is not None and "content-length" not in named:
                named["content-length"] = str(len(body))
            for name, value in named.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response, response.read()

    def send(self, raw: bytes) -> bytes:
        """Send bytes that need be no request, and return what comes first."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(raw)
            return connection.recv(65536)

    def resident(self) -> int:
        """Return the bytes of its memory now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        [line] = [line for line in lines if line.startswith("VmRSS")]
        return 1024 * int(line.split()[1])


@contextmanager
def serving(page: Path, folder: Path, *bundles: Path) -> Iterator[Server]:
    """Serve bundles with a page, as long as the block runs."""
    command = [sys.executable, "-c", _SCRIPT, page, folder, *bundles]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(process, int(process.stdout.readline()), folder)
        finally:
            process.terminate()
            process.wait(timeout=30)


def write_page(folder: Path) -> Path:
    """Write what a built page consists of."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>a page</title>", encoding="utf-8")
    (folder / "assets" / "index-abc.js").write_text("const a = 1;\n" * 1000, encoding="utf-8")
    (folder / "sw.js").write_text("// keeps the page\n", encoding="utf-8")
    return folder
