"""The running server: from listening to Ctrl-C."""

from __future__ import annotations

import logging
import socket
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn

from edge_distil_apps.serve.app import make_app
from edge_distil_apps.serve.contents import Contents
from edge_distil_apps.serve.uploads import Uploads

_GRACE = 1  # seconds that downloads may go on after Ctrl-C


def run(contents: Contents, listening: socket.socket, uploads: Uploads | None) -> None:
    """Serve until the process is asked to end; the signal is then raised again.

    Args:
        contents: What is served.
        listening: See `address.listen`; closed at the end.
        uploads: Takes measurements.
    """
    # What uvicorn says is for operators of servers; its own log stays shut.
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    logging.getLogger("uvicorn").propagate = False
    with TemporaryDirectory() as scratch:
        config = uvicorn.Config(
            make_app(contents, Path(scratch), uploads),
            log_config=None,
            access_log=False,
            lifespan="off",
            http="h11",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
        uvicorn.Server(config).run(sockets=[listening])
