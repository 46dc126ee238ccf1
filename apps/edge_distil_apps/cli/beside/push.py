"""``edge-distil push``: a bundle with its card to the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from edge_distil.bundle import open_bundle
from edge_distil_apps.cli import console, options
from edge_distil_apps.cli.tables import table


def push(
    bundle: Annotated[Path, options.argument("BUNDLE", "A bundle directory.")],
    repository: Annotated[str, options.argument("OWNER/NAME", "A repository of the hub.")],
    private: Annotated[
        bool, options.flag("--private", text="If it is new, for you alone.")
    ] = False,
    revision: Annotated[
        str | None, options.value(kind="NAME", text="The branch; by default main.")
    ] = None,
    dry_run: Annotated[
        bool, options.flag("--dry-run", text="Show what would go, and send nothing.")
    ] = False,
    json: console.Json = False,
) -> None:
    """Push a bundle to the hub, with a card that says what it is and how it was proven.

    Examples:
    `edge-distil push qa ada/qa --dry-run`

    `edge-distil push qa ada/qa --private`

    The files that the manifest names go, each hashed first, and a README.md: yours, if one lies in
    the bundle. The token is that of HF_TOKEN or `hf auth login`.
    """
    with console.needs_export():
        from edge_distil_apps.hub import push as hub

        with options.usage():
            hub.check_name(repository)
        files = hub.uploads(open_bundle(bundle), repository)
        address = None
        if not dry_run:
            address = hub.push(files, repository, private=private, revision=revision)
    total = sum(file.bytes for file in files)
    if json:
        listed = [{"path": file.path, "bytes": file.bytes} for file in files]
        console.document({"repository": repository, "files": listed, "commit": address})
        return
    rows = [[file.path, f"{file.bytes:,}"] for file in files]
    table("", ["file", "bytes"], rows)
    what = f"{console.count(len(files), 'file')}, {console.megabytes(total)}"
    said = f"{what}: nothing was sent" if address is None else f"{what}: {address}"
    console.say(console.text(said))
