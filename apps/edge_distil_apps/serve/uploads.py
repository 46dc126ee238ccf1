"""Measurements that a phone sends: read as the study reads them, and stored whole or not at all."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge_distil._writing import storage
from edge_distil.errors import DataError, StorageError
from edge_distil_bench.records import Measurements, parse_measurements

# The whole protocol with four models on two numbers of threads takes some 2 MB.
LARGEST = 16 << 20


class TooLarge(Exception):
    """More than `LARGEST` bytes were sent."""


class Uploads:
    """Takes measurements.

    Args:
        folder: Where they are stored, one file for each device and beginning.
        token: What who sends them must know.
        say: Is told of each file that was stored.

    Raises:
        StorageError: The folder cannot be made.
    """

    def __init__(self, folder: Path, token: str, say: Callable[[str], None]) -> None:
        storage.make_folder(folder)
        self._folder, self._token, self._say = folder, token, say

    async def post(self, request: Request) -> Response:
        """Answer a POST: 201 with the file's name, or what is wrong."""
        if not self._knows_token(request.headers.get("authorization", "")):
            return _refused(401, "open the page by the address with the token that serve printed")
        try:
            data = await _read(request)
            name = await anyio.to_thread.run_sync(self._store, data)
        except TooLarge:
            return _refused(
                413, f"a document has more than {LARGEST:,} bytes: measure less at once"
            )
        except DataError as error:
            return _refused(422, str(error))
        except StorageError as error:
            self._say(str(error))
            return _refused(507, "the measurements cannot be stored: see the terminal of serve")
        self._say(f"measurements of a phone: {self._folder / name}")
        return JSONResponse({"stored": name}, 201)

    def _knows_token(self, authorization: str) -> bool:
        kind, _, token = authorization.partition(" ")
        same = secrets.compare_digest(token.encode(), self._token.encode())
        return kind.lower() == "bearer" and same

    def _store(self, data: bytes) -> str:
        """Write the bytes that were sent, once they are read as measurements."""
        name = _name(parse_measurements(data, "what was sent"))
        with storage.atomic_file(self._folder / name) as temporary:
            temporary.write_bytes(data)
        return name


async def _read(request: Request) -> bytes:
    """Return the body.

    Raises:
        TooLarge: It is, or says that it will be.
    """
    promised = request.headers.get("content-length", "0")
    if not promised.isdecimal() or int(promised) > LARGEST:
        raise TooLarge
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise TooLarge
    return bytes(body)


def _name(measured: Measurements) -> str:
    """Return the file's name: the same document sent twice is stored once."""
    words = f"{measured.device} {measured.created}".lower()
    return f"measurements-{re.sub(r'[^a-z0-9]+', '-', words).strip('-')[:100]}.json"


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status)
