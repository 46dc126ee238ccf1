"""Folders served on this machine, and a page of them in Chromium."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, ClassVar, Self

PAGE = b"<!doctype html><meta charset=utf-8><title>runtime</title><link rel=icon href=data:,>"


class Site:
    """A server of some folders, and a page of it.

    Attributes:
        asked: Paths that were asked for, in order.
        refuse: Drop requests for bundles, as where the network is gone.
        page: The page.
    """

    def __init__(self, folders: dict[str, Path], browser: Any) -> None:
        self.asked: list[str] = []
        self.refuse = False
        self._folders = folders
        self._browser = browser

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.page = self._browser.new_page()
        self.page.goto(f"http://127.0.0.1:{self._server.server_port}/")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.page.close()
        self._server.shutdown()
        self._server.server_close()

    def file(self, path: str) -> Path | None:
        """The file of a path below one of the folders."""
        for name, folder in self._folders.items():
            rest = path.removeprefix(f"/{name}/")
            if rest != path and (folder / rest).is_file():
                return folder / rest
        return None


class _Handler(SimpleHTTPRequestHandler):
    extensions_map: ClassVar = {
        ".mjs": "text/javascript",
        ".js": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, site: Site, *arguments: Any) -> None:
        self.site = site
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.site.asked.append(self.path)
        if self.site.refuse and self.path.startswith("/bundles"):
            self.connection.close()
            return
        file = self.site.file(self.path)
        if file is None and self.path != "/":
            self.send_error(404)
            return
        body = PAGE if file is None else file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if file is None else self.guess_type(file))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""
