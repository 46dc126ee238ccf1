"""The web server's answers: files by their address, documents that are made, measurements taken."""

from __future__ import annotations

import gzip
import ipaddress
import shutil
import socket
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_distil.errors import EdgeDistilError
from edge_distil_apps.serve.contents import Contents, File, encoded
from edge_distil_apps.serve.uploads import Uploads

# Isolation, which threads need; and no request to anybody else, whatever is in the page.
HEADERS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
        "style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"  # keep it, and ask each time whether it is still that
_WORTHWHILE = 1024  # bytes; below, compression saves no packet
_LEVEL = 6  # of gzip: 9 takes four times as long and saves a hundredth


def make_app(contents: Contents, scratch: Path, uploads: Uploads | None) -> Starlette:
    """Return the application.

    Args:
        contents: What is served.
        scratch: A directory for what is compressed, as long as the server runs.
        uploads: Takes measurements; ``None`` refuses them.
    """
    site = _Site(contents, _Compressed(scratch))
    routes = [Route("/{address:path}", site.get, methods=["GET"])]
    if uploads is not None:
        routes.insert(0, Route("/measurements", uploads.post, methods=["POST"]))
    return Starlette(
        routes=routes,
        middleware=[Middleware(_KnownHosts), Middleware(_AlwaysHeaders)],
        exception_handlers={EdgeDistilError: _failed},
    )


class _Site:
    def __init__(self, contents: Contents, compressed: _Compressed) -> None:
        self._contents, self._compressed = contents, compressed
        self._made: dict[str, Response] = {}
        self._making = {address: anyio.Lock() for address in contents.made}

    async def get(self, request: Request) -> Response:
        address = request.path_params["address"]
        if address in self._contents.made:
            return await self._document(address)
        file = self._contents.files.get(address)
        if file is None:
            return PlainTextResponse("There is no such file here.\n", 404)
        if not await anyio.to_thread.run_sync(file.unchanged):
            words = "This file has changed since serving began: start edge-distil serve again.\n"
            return PlainTextResponse(words, 409)
        return await self._file(file, request.headers)

    async def _document(self, address: str) -> Response:
        """Return a document, made once, whoever asks meanwhile."""
        async with self._making[address]:
            if address not in self._made:
                document = await anyio.to_thread.run_sync(self._contents.made[address])
                headers = {"cache-control": _ASK}
                self._made[address] = Response(
                    encoded(document), headers=headers, media_type="application/json"
                )
        return self._made[address]

    async def _file(self, file: File, headers: Headers) -> Response:
        """Return a file, compressed where that helps; a range is of the file as it is."""
        packed = None
        if "range" not in headers and "gzip" in headers.get("accept-encoding", ""):
            packed = await self._compressed.of(file)
        tag = f'"{file.sha256}{"-gzip" if packed else ""}"'
        own = {
            "etag": tag,
            "cache-control": _FOREVER if file.immutable else _ASK,
            **({"vary": "accept-encoding"} if file.compressible else {}),
            **({"content-encoding": "gzip"} if packed else {}),
        }
        if _has(headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=own)
        return FileResponse(packed or file.path, headers=own, media_type=file.media_type)


class _Compressed:
    """Files in gzip, each made when it is first asked for."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._made: dict[str, Path] = {}
        self._making = anyio.Lock()

    async def of(self, file: File) -> Path | None:
        if not file.compressible or file.state[2] < _WORTHWHILE:
            return None
        async with self._making:
            if file.sha256 not in self._made:
                self._made[file.sha256] = await anyio.to_thread.run_sync(self._make, file)
        return self._made[file.sha256]

    def _make(self, file: File) -> Path:
        packed = self._scratch / f"{file.sha256}.gz"
        with file.path.open("rb") as plain, gzip.open(packed, "wb", _LEVEL) as out:
            shutil.copyfileobj(plain, out)
        return packed


def _has(sent: str, tag: str) -> bool:
    """Return whether an If-None-Match holds a tag, weak or not (RFC 9110, 13.1.2)."""
    return tag in {one.strip().removeprefix("W/") for one in sent.split(",")}


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 500)


class _AlwaysHeaders:
    """Adds `HEADERS` to every response, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with)


class _KnownHosts:
    """Answers to an address or this machine's name alone.

    A stranger's page that lets its own name lead here (DNS rebinding) would else be the same
    origin as ours, and could read what is served on loopback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        name = socket.gethostname().lower()
        self._names = {"localhost", name, f"{name}.local", name.split(".")[0] + ".local"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._knows(Headers(scope=scope).get("host", "")):
            words = "Open this page by the address that edge-distil serve printed.\n"
            await PlainTextResponse(words, 421)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _knows(self, host: str) -> bool:
        name = host.rpartition(":")[0] if ":" in host.rpartition("]")[2] else host
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name.lower() in self._names
        return True
