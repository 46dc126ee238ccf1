"""Where the server listens, and by what address a phone finds it."""

from __future__ import annotations

import errno
import io
import ipaddress
import socket
from contextlib import closing

import segno

from edge_distil.errors import ServeError

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
# An address that belongs to nobody (RFC 5737): asking for the way to it sends nothing.
_NOWHERE = ("192.0.2.1", 9)
_BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Listen at an address.

    Args:
        host: A name or an address of this machine.
        port: 0 takes any that is free.

    Raises:
        ServeError: It is taken, or no address of this machine.
    """
    try:
        [(family, *_, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ServeError(_reason(host, port, error)) from error


def _reason(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is taken: choose another with --port, or any free one with --port 0"
    if error.errno == errno.EACCES:
        return f"port {port} is not for every user: choose one from 1024 on with --port"
    return f"cannot listen at {host} ({error.strerror}): give an address of this machine to --host"


def web_address(host: str, port: int, token: str | None) -> str:
    """Return the address of the page; the token is behind the ``#``, which no browser sends.

    >>> web_address("::1", 8000, "secret")
    'http://[::1]:8000/#token=secret'
    """
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/" + (f"#token={token}" if token else "")


def reachable(host: str) -> str:
    """Return the address that others reach a listening address by: for all of them, the LAN's."""
    return lan_address() if ipaddress.ip_address(host).is_unspecified else host


def lan_address() -> str:
    """Return this machine's address in its network; loopback where it is in none."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as asking:
        try:
            asking.connect(_NOWHERE)
        except OSError:
            return LOOPBACK
        return str(asking.getsockname()[0])


def qr_code(text: str) -> str:
    """Return a QR code as lines of a terminal."""
    lines = io.StringIO()
    segno.make(text, error="l", boost_error=False).terminal(lines, border=2, compact=True)
    return lines.getvalue()
