"""``edge-distil serve``: bundles -> a page on this machine's address that answers and measures."""

from __future__ import annotations

import secrets
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_distil.bundle import open_bundle
from edge_distil_apps.cli import console, options, streams

if TYPE_CHECKING:
    from edge_distil_apps.serve import Contents

_WHERE = "Where"
_TOKEN_BYTES = 9  # 72 bits, in twelve characters: a QR code stays small


def serve(
    bundles: Annotated[list[Path], options.argument("DIR", "Bundles.")],
    lan: Annotated[
        bool, options.flag("--lan", text="Let phones in this network reach it.", panel=_WHERE)
    ] = False,
    host: Annotated[
        str | None,
        options.value(kind="ADDRESS", text="By default this machine alone.", panel=_WHERE),
    ] = None,
    port: Annotated[
        int,
        options.value(kind="N", text="Else 8000; 0: any free one.", panel=_WHERE, min=0, max=65535),
    ] = 8000,
    measurements: Annotated[
        Path | None,
        options.value(kind="DIR", text="Keep phones' measurements there.", panel=options.OUTPUT),
    ] = None,
    static: Annotated[
        Path | None,
        options.value(kind="OUT", text="Write it all, for a static host.", panel=options.OUTPUT),
    ] = None,
    force: Annotated[
        bool, options.flag("--force", text="Replace an earlier OUT.", panel=options.OUTPUT)
    ] = False,
    json: console.Json = False,
) -> None:
    """Serve bundles with a page that answers, searches and measures in the browser, offline.

    Examples:
    `edge-distil serve qa minilm`

    `edge-distil serve qa --lan --measurements phones`

    `edge-distil serve qa --static site`

    Nothing is computed here but what the page compares itself with: the phone does the work, and
    no text leaves it. Ctrl-C ends it.
    """
    if static is not None and (lan or host or measurements):
        raise typer.BadParameter("--static serves nothing: leave --lan, --host, --measurements out")
    if lan and host:
        raise typer.BadParameter("--lan listens everywhere: leave --host out")
    if force and static is None:
        raise typer.BadParameter("--force goes with --static OUT")
    with console.needs_serve():
        from edge_distil_apps.serve.contents import collect, named
        from edge_distil_apps.serve.page import find_page

    with options.usage():
        named(bundles)
    for bundle in bundles:  # what is wrong with one comes before what a page needs
        open_bundle(bundle)
    contents = collect(bundles, find_page(), uploads=measurements is not None)
    if static is not None:
        _write(contents, static, force, json)
    else:
        _serve(contents, host, lan, port, measurements, json)


def _write(contents: Contents, folder: Path, force: bool, as_json: bool) -> None:
    from edge_distil_apps.serve.static import write_static

    with console.progress_bar("files") as progress:
        size = write_static(contents, folder, force=force, progress=progress)
    if as_json:
        console.document({"static": str(folder), "bytes": size})
    else:
        name = console.text(str(folder))
        console.say(
            f"[bold]{name}[/bold]: {console.megabytes(size)} for any static host over HTTPS"
        )


def _serve(
    contents: Contents,
    host: str | None,
    lan: bool,
    port: int,
    measurements: Path | None,
    as_json: bool,
) -> None:
    with console.needs_serve():
        from edge_distil_apps.serve import address, running
        from edge_distil_apps.serve.uploads import Uploads

    token = secrets.token_urlsafe(_TOKEN_BYTES) if measurements is not None else None
    uploads = Uploads(measurements, token, console.note) if measurements and token else None
    everywhere = address.EVERYWHERE if lan else address.LOOPBACK
    with closing(address.listen(host or everywhere, port)) as listening:
        where, port = listening.getsockname()[:2]
        _tell(address.web_address(address.reachable(where), port, token), token, as_json)
        running.run(contents, listening, uploads)


def _tell(page: str, token: str | None, as_json: bool) -> None:
    """Say where the page is, and draw it for a phone's camera where a person watches."""
    from edge_distil_apps.serve.address import qr_code

    if as_json:
        document: dict[str, Any] = {"page": page, "token": token}
        console.document(document)
    else:
        console.say(f"[bold]{console.text(page)}[/bold]")
        if sys.stdout.isatty() and streams.can_encode(picture := qr_code(page)):
            console.say(console.text(picture))
        console.note("Ctrl-C ends it")
    sys.stdout.flush()
